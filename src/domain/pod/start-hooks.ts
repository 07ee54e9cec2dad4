import type { Pod } from '../../api/pod.ts'

/** The containers of a pod that have a command which follows their start; the kubelet ends one whose command fails. */
export function startHooks({ containers }: Pod['spec']): string[] {
  if (!Array.isArray(containers)) return []
  const all: unknown[] = containers
  return all.flatMap((container) => {
    const { name, lifecycle } = fieldsOf(container)
    const { postStart } = fieldsOf(lifecycle)
    return typeof name === 'string' && typeof postStart === 'object' && postStart !== null ? [name] : []
  })
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
