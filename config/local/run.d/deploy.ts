import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './cluster.ts'
import { type Place, kubectl } from './kubectl.ts'
import { type Deployed, writeOverlay } from './overlay.ts'
import { run, tail } from './program.ts'
import { StepFailed } from './step-failed.ts'

const crds = ['runnerjobs', 'runners', 'runnerpools'].map((plural) => `crd/${plural}.runnerhub.dev`)

/** Applies the CRDs and the overlay's manifests. */
export async function deploy(kubeconfig: string, deployed: Deployed, signal: AbortSignal): Promise<void> {
  const place = { kubeconfig, namespace: deployed.namespace }
  await applyCrds(place, signal)
  const overlay = await writeOverlay(deployed)
  await step('the manifests cannot be applied', kubectl(place, ...apply, '--kustomize', overlay), signal)
}

/** Applies what the chart lacks: the namespace with its Pod Security level, and the CRDs of these sources. */
export async function applyBasics(place: Place, signal: AbortSignal): Promise<void> {
  const text = await readFile(join(root, 'config/manifests/namespace.yaml'), 'utf8')
  const namespace = text.replace(/^  name: .*$/m, `  name: ${place.namespace}`)
  const command = kubectl(place, ...apply, '--filename', '-')
  await step('the namespace cannot be created', command, signal, namespace)
  await applyCrds(place, signal)
}

/** Applies one object. */
export function applyObject(place: Place, object: object, signal: AbortSignal): Promise<void> {
  const command = kubectl(place, ...apply, '--filename', '-')
  return step('an object cannot be applied', command, signal, JSON.stringify(object))
}

/** Applies the CRDs and waits until the API server serves them. */
async function applyCrds(place: Place, signal: AbortSignal): Promise<void> {
  await step('the CRDs cannot be applied', kubectl(place, ...apply, '--filename', join(root, 'crds')), signal)
  const wait = ['wait', '--for=condition=Established', '--timeout=30s', ...crds]
  await step('the CRDs are not served', kubectl(place, ...wait), signal)
}

// These manifests win over earlier field managers.
const apply = ['apply', '--server-side', '--force-conflicts', '--field-manager=runnerhub-deploy']

async function step(failure: string, command: [string, ...string[]], signal: AbortSignal, input = ''): Promise<void> {
  const { code, stdout, stderr } = await run(command, { input }, signal)
  if (code === 0) return
  const advice = /being terminated/.test(stderr)
    ? 'wait until the namespace is gone, and run this again'
    : 'see the response of the API server above'
  throw new StepFailed(failure, { details: tail(stdout + stderr, 20), advice })
}
