import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterTool, root } from './cluster.ts'
import { applyBasics, applyObject } from './deploy.ts'
import { askKubectl, type Place } from './kubectl.ts'
import { bindingsOf, imageParts } from './overlay.ts'
import { passableSettings } from './operator-settings.ts'
import { outputOf, run, tail } from './program.ts'
import { StepFailed } from './step-failed.ts'
import { localTokens, localUsers } from './tokens.ts'

/** The differences of one installation to the chart's values. */
export interface Release {
  namespace: string
  /** The operator's image. */
  image: string
  /** Image of the default pool's jobs. */
  runnerImage: string
  /** The chart's `logs.archive`. */
  archive?: object
  /** Environment variables of the operator, as `--help` lists them. */
  settings: Record<string, string>
}

/** Installs the chart, or upgrades what is installed; does not wait until the operator runs. */
export async function release(kubeconfig: string, wanted: Release, signal: AbortSignal): Promise<void> {
  const { namespace } = wanted
  await applyBasics({ kubeconfig, namespace }, signal)
  await applyObject({ kubeconfig, namespace }, tokenSecret, signal)
  await removeUnpackaged({ kubeconfig, namespace }, signal)
  const folder = join(root, 'build/deploy', namespace)
  await mkdir(folder, { recursive: true })
  const values = join(folder, 'values.json')
  await writeFile(values, `${JSON.stringify(valuesOf(wanted), undefined, 2)}\n`, { mode: 0o600 })
  const helm = (await outputOf([join(clusterTool, '../helm-path')], signal)).trim()
  const place = ['--kubeconfig', kubeconfig, '--namespace', namespace]
  const upgrade = ['upgrade', 'runnerhub', join(root, 'charts/runnerhub'), '--install', '--values', values]
  const { code, stdout, stderr } = await run([helm, ...upgrade, '--take-ownership', ...place], {}, signal)
  if (code === 0) return
  const advice = /being terminated/.test(stderr)
    ? 'wait until the namespace is gone, and run this again'
    : `see the response above; \`make down\` removes the whole cluster, RUN_NAMESPACE=… uses another namespace than ${namespace}`
  throw new StepFailed('the chart cannot be installed', { details: tail(stdout + stderr, 20), advice })
}

/** Deployed without the chart, as `make run` once did, these have fields that no upgrade can change. Jobs and pods stay. */
async function removeUnpackaged(place: Place, signal: AbortSignal): Promise<void> {
  const all = ['deployment/runnerhub', ...bindingsOf(place.namespace).map((name) => `clusterrolebinding/${name}`)]
  for (const object of all) {
    const named = await askKubectl(
      place,
      ['get', object, '--ignore-not-found', '--show-labels', '--no-headers'],
      signal,
    )
    if (named !== '' && !named.includes('app.kubernetes.io/managed-by=Helm'))
      await askKubectl(place, ['delete', object], signal)
  }
}

/** The chart creates no Secret of tokens as short as these, which are public. */
const tokenSecret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'runnerhub-local-tokens' },
  stringData: {
    'tokens.csv': localTokens,
    ...Object.fromEntries(localUsers.map(({ name, token }): [string, string] => [name, token])),
  },
}

function valuesOf({ image, runnerImage, archive, settings }: Release): object {
  const { newName: repository, newTag: tag = '', digest = '' } = imageParts(image)
  return {
    replicaCount: 1,
    image: { repository, tag, digest },
    settings: settingsOf(settings),
    ...(archive !== undefined && { logs: { archive } }),
    auth: { existingSecret: tokenSecret.metadata.name },
    defaultPool: { image: runnerImage },
    test: { tokenKey: localUsers[0].name },
    // The CRDs of these sources are applied before the chart.
    crds: { upgrade: false },
  }
}

/** Settings by their names in the chart, as JSON values. The chart rejects unknown ones. */
function settingsOf(environment: Record<string, string>): Record<string, unknown> {
  const known = new Map(passableSettings().map((setting) => [setting.env, setting]))
  const values: Record<string, unknown> = {}
  for (const [env, text] of Object.entries(environment)) {
    const { name = env, schema = { type: 'string' } } = known.get(env) ?? {}
    values[name] = schema.type === 'integer' ? Number(text) : schema.type === 'boolean' ? text === 'true' : text
  }
  return values
}
