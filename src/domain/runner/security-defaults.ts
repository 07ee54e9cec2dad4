import { isSilent, type Json, listOf, record } from '../json.ts'

/** What the pod's security context gets where it says nothing. */
export function podDefaults(spec: Json): Json {
  return {
    ...(isNonRoot(spec) && { runAsNonRoot: true }),
    // The API server refuses it for Windows.
    ...(!isWindows(spec) && { seccompProfile: { type: 'RuntimeDefault' } }),
  }
}

/** What a container's security context gets where it says nothing: never what contradicts what it does say. */
export function containerDefaults(container: Json, spec: Json): Json {
  return { ...(isNonRootAlone(container, spec) && { runAsNonRoot: true }), ...linuxDefaults(container, spec) }
}

/** The API server refuses these two for Windows. */
function linuxDefaults(container: Json, spec: Json): Json {
  const own = contextOf(container)
  if (isWindows(spec) || own['privileged'] === true) return {}
  return { ...(!escalates(own) && { allowPrivilegeEscalation: false }), capabilities: { drop: ['ALL'] } }
}

/** Capabilities with which the API server refuses allowPrivilegeEscalation: false, or that would be of no use with it. */
const escalating = new Set(['SYS_ADMIN', 'CAP_SYS_ADMIN', 'ALL', 'CAP_ALL'])

function escalates({ capabilities }: Json): boolean {
  return listOf(record(capabilities)['add']).some((name) => escalating.has(String(name).toUpperCase()))
}

/** The default stands at the pod where it fits all containers; a debugging container gets it, too, then. */
function isNonRoot(spec: Json): boolean {
  return !says(contextOf(spec)) && containersOf(spec).every((container) => !mayBeRoot(container, spec))
}

/** Where one container is to be root, each of the others gets the default for itself. */
function isNonRootAlone(container: Json, spec: Json): boolean {
  return !says(contextOf(spec)) && !isNonRoot(spec) && !mayBeRoot(container, spec)
}

function says({ runAsNonRoot }: Json): boolean {
  return !isSilent(runAsNonRoot)
}

/** Whether the template asks for root, so that the kubelet would refuse the container as one that must not be. */
function mayBeRoot(container: Json, spec: Json): boolean {
  const own = contextOf(container)
  const pods = contextOf(spec)
  if (isWindows(spec)) {
    const options = { ...record(pods['windowsOptions']), ...record(own['windowsOptions']) }
    return options['hostProcess'] === true || /containeradministrator$/i.test(String(options['runAsUserName']))
  }
  return own['privileged'] === true || (own['runAsUser'] ?? pods['runAsUser']) === 0
}

function isWindows(spec: Json): boolean {
  return record(spec['os'])['name'] === 'windows'
}

function containersOf(spec: Json): Json[] {
  return ['containers', 'initContainers'].flatMap((list) => listOf(spec[list]).map(record))
}

function contextOf(of: Json): Json {
  return record(of['securityContext'])
}
