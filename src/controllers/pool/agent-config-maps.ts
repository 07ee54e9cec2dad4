import { type ConfigMap, configMaps } from '../../api/config-map.ts'
import { API_VERSION, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { AGENT_FILE, agentName } from '../../domain/hand-over/worker-pod.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { AlreadyExists } from '../../kube/client/errors.ts'

/**
 * Brings the agent to the pods of Worker pools: one ConfigMap for each pool and version of the agent. Its name derives
 * from both, and it is immutable: pods of an earlier version keep theirs. It goes with its pool.
 */
export class AgentConfigMaps {
  readonly script: string
  readonly #client: KubeClient
  /** Those that are known to be there. */
  readonly #made = new Set<string>()

  constructor({ client, script }: { client: KubeClient; script: string }) {
    this.#client = client
    this.script = script
  }

  /** Makes the ConfigMap of a pool, if there is none and the pool needs one. */
  async ensure(pool: RunnerPool, signal: AbortSignal): Promise<void> {
    if (pool.spec.mode !== 'Worker') return
    const wanted = this.#of(pool)
    const { name } = wanted.metadata
    if (this.#made.has(name)) return
    try {
      await this.#client.create(configMaps, wanted, signal)
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error
    }
    this.#made.add(name)
  }

  #of(pool: RunnerPool): NewObject<ConfigMap> {
    const { name, uid, namespace } = pool.metadata
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: agentName(pool, this.script),
        ...(namespace !== undefined && { namespace }),
        labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'RunnerPool', name, uid }],
      },
      immutable: true,
      data: { [AGENT_FILE]: this.script },
    }
  }
}
