import { elementsOf, fieldsOf, type Json } from '../../api/json.ts'
import { isSilent } from '../json.ts'

/** The form of a pod's seccomp profile before it was a field. */
const SECCOMP_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'

/** The defaults for unset fields of the pod's security context. */
export function podDefaults(spec: Json, annotations: Json): Json {
  const hasProfile = !isSilent(annotations[SECCOMP_ANNOTATION])
  return {
    ...(isNonRoot(spec) && { runAsNonRoot: true }),
    // The API server rejects it for Windows, and beside another one in an annotation.
    ...(!isWindows(spec) && !hasProfile && { seccompProfile: { type: 'RuntimeDefault' } }),
  }
}

/** The defaults for unset fields of a container's security context: they never contradict the fields that are set. */
export function containerDefaults(container: Json, spec: Json): Json {
  return { ...(isNonRootAlone(container, spec) && { runAsNonRoot: true }), ...linuxDefaults(container, spec) }
}

/** The API server rejects these two for Windows. */
function linuxDefaults(container: Json, spec: Json): Json {
  const own = contextOf(container)
  if (isWindows(spec) || own['privileged'] === true) return {}
  return { ...(!escalates(own) && { allowPrivilegeEscalation: false }), capabilities: { drop: ['ALL'] } }
}

/** Capabilities with which the API server rejects allowPrivilegeEscalation: false, or that have no effect with it. */
const escalating = new Set(['SYS_ADMIN', 'CAP_SYS_ADMIN', 'ALL', 'CAP_ALL'])

function escalates({ capabilities }: Json): boolean {
  return elementsOf(fieldsOf(capabilities)['add']).some((name) => escalating.has(String(name).toUpperCase()))
}

/** Whether the default is set on the pod, since it fits all containers; a debugging container then gets it too. */
function isNonRoot(spec: Json): boolean {
  return !says(contextOf(spec)) && containersOf(spec).every((container) => !mayBeRoot(container, spec))
}

/** Whether the default is set on this container, since another one runs as root. */
function isNonRootAlone(container: Json, spec: Json): boolean {
  return !says(contextOf(spec)) && !isNonRoot(spec) && !mayBeRoot(container, spec)
}

function says({ runAsNonRoot }: Json): boolean {
  return !isSilent(runAsNonRoot)
}

/** Whether the template requests root, so that the kubelet would reject the container with runAsNonRoot. */
function mayBeRoot(container: Json, spec: Json): boolean {
  const own = contextOf(container)
  const pods = contextOf(spec)
  if (isWindows(spec)) {
    const options = { ...fieldsOf(pods['windowsOptions']), ...fieldsOf(own['windowsOptions']) }
    return options['hostProcess'] === true || /containeradministrator$/i.test(String(options['runAsUserName']))
  }
  return own['privileged'] === true || (own['runAsUser'] ?? pods['runAsUser']) === 0
}

function isWindows(spec: Json): boolean {
  return fieldsOf(spec['os'])['name'] === 'windows'
}

function containersOf(spec: Json): Json[] {
  return ['containers', 'initContainers'].flatMap((list) => elementsOf(spec[list]).map(fieldsOf))
}

function contextOf(of: Json): Json {
  return fieldsOf(of['securityContext'])
}
