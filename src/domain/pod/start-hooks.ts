import type { Pod } from '../../api/pod.ts'
import { fieldsOf } from '../../api/json.ts'

/** The containers of a pod that have a postStart hook; the kubelet ends a container whose hook fails. */
export function startHooks({ containers }: Pod['spec']): string[] {
  if (!Array.isArray(containers)) return []
  const all: unknown[] = containers
  return all.flatMap((container) => {
    const { name, lifecycle } = fieldsOf(container)
    const { postStart } = fieldsOf(lifecycle)
    return typeof name === 'string' && typeof postStart === 'object' && postStart !== null ? [name] : []
  })
}
