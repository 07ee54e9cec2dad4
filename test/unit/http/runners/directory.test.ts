import { expect } from 'chai'
import { RunnerDirectory } from '../../../../src/http/runners/directory.ts'
import type { RunnerQuery } from '../../../../src/http/runners/list-query.ts'
import {
  aContainer,
  aJob,
  aLease,
  aPod,
  aProxy,
  aRunner,
  ended,
  podStatus,
  running,
  stamp,
  t0,
} from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'

class Scene extends FilledCaches {
  readonly clock = new HandClock(t0)
  readonly directory: RunnerDirectory

  constructor() {
    super()
    this.directory = new RunnerDirectory({ caches: this.caches, clock: this.clock, heartbeatMs: 60_000 })
  }

  names(query: Partial<RunnerQuery> = {}): unknown[] {
    return this.directory.page({ page: 1, limit: 100, ...query }).rows.map(({ name }) => name)
  }

  row(query: Partial<RunnerQuery> = {}): Record<string, unknown> | undefined {
    return this.directory.page({ page: 1, limit: 1, ...query }).rows[0]
  }
}

describe('the directory of runners', () => {
  it('ignores the case of a repository, of ephemeral runners and of proxies', () => {
    const scene = new Scene()
    const job = scene.putJob(aJob({ spec: { runnerName: 'proxy-1', repository: 'Owner/Repo' } }))
    scene.putRunner(aRunner({ job }))
    scene.putRunner(aProxy())
    for (const repository of ['owner/repo', 'OWNER/REPO', 'Owner/Repo']) {
      expect(scene.names({ repository })).to.have.members(['job-1', 'proxy-1'])
      expect(scene.row({ repository, type: 'ephemeral' })).to.include({ repository: 'Owner/Repo' })
    }
    expect(scene.names({ repository: 'owner/other' })).to.deep.equal([])
  })

  describe('shows as the last heartbeat of an ephemeral runner:', () => {
    const heartbeatOf = (scene: Scene) => scene.row({ type: 'ephemeral' })?.['lastHeartbeat']

    /** A runner with its job and its pod, a minute after the start; the last contact of their watch was 5 s ago. */
    async function aScene(...containers: Parameters<typeof podStatus>[1][]) {
      const scene = new Scene()
      const job = scene.putJob(aJob({ status: { phase: 'Running' } }))
      const runner = scene.putRunner(aRunner({ job, status: { phase: 'Busy' } }))
      if (containers.length > 0) scene.putPod(aPod({ runner, status: podStatus('Running', ...containers) }))
      await scene.clock.advance(60_000)
      const heardMs = scene.clock.monotonicMs() - 5000
      scene.caches.podReflector = { lastContactMs: () => heardMs }
      return scene
    }

    it('while it runs, the last contact of the watch', async () => {
      const scene = await aScene(aContainer(running))
      expect(heartbeatOf(scene)).to.equal('2026-01-01T00:00:55.000Z')
      await scene.clock.advance(10_000)
      expect(heartbeatOf(scene), 'without contact since').to.equal('2026-01-01T00:00:55.000Z')
    })

    it('after it has ended, the end', async () => {
      expect(heartbeatOf(await aScene(aContainer(ended(0))))).to.equal('2026-01-01T00:00:20.000Z')
    })

    it('before it runs, or without a pod, null', async () => {
      expect(heartbeatOf(await aScene(aContainer({ waiting: { reason: 'ContainerCreating' } })))).to.equal(null)
      expect(heartbeatOf(await aScene())).to.equal(null)
    })
  })

  it('shows a proxy runner as offline after three periods without any event', async () => {
    const scene = new Scene()
    const proxy = scene.putRunner(aProxy())
    scene.putLease(aLease(proxy, 0))
    expect(scene.names({ status: 'idle' })).to.deep.equal(['proxy-1'])
    await scene.clock.advance(179_000)
    expect(scene.names({ status: 'idle' })).to.deep.equal(['proxy-1'])
    await scene.clock.advance(1000)
    expect(scene.names({ status: 'idle' })).to.deep.equal([])
    expect(scene.row({ status: 'offline' })).to.include({ status: 'offline', name: 'proxy-1' })
    scene.putLease(aLease(proxy, 180))
    expect(scene.row({ status: 'idle' })).to.include({ lastHeartbeat: '2026-01-01T00:03:00.000Z', reason: null })
  })

  it('ignores the Lease of an earlier runner of that name', () => {
    const scene = new Scene()
    const earlier = aProxy({ metadata: { uid: 'earlier' } })
    scene.putRunner(aProxy())
    scene.putLease(aLease(earlier, 100))
    expect(scene.row()).to.include({ lastHeartbeat: '2026-01-01T00:00:00.000Z' })
  })

  it('shows a proxy runner as busy until its jobs have finished', () => {
    const scene = new Scene()
    scene.putRunner(aProxy())
    const jobs = ['a', 'b'].map((name) =>
      scene.putJob(aJob({ metadata: { name }, spec: { runnerName: 'proxy-1', repository: `owner/${name}` } })),
    )
    expect(scene.row()).to.include({ status: 'busy' })
    for (const job of jobs) {
      expect(scene.names({ status: 'busy' })).to.deep.equal(['proxy-1'])
      scene.putJob({ ...job, status: { phase: 'Completed' } })
    }
    expect(scene.names({ status: 'busy' })).to.deep.equal([])
    expect(scene.names({ status: 'idle' })).to.deep.equal(['proxy-1'])
  })

  it('lists a proxy runner under each repository whose jobs it delegated, until those are deleted', () => {
    const scene = new Scene()
    scene.putRunner(aProxy({ spec: { repository: 'owner/first' } }))
    const job = scene.putJob(aJob({ spec: { runnerName: 'proxy-1', repository: 'owner/second' } }))
    expect(scene.names({ repository: 'owner/first' })).to.deep.equal(['proxy-1'])
    expect(scene.names({ repository: 'owner/second', type: 'proxy', status: 'busy' })).to.deep.equal(['proxy-1'])
    scene.remove(job)
    expect(scene.names({ repository: 'owner/second' })).to.deep.equal([])
    expect(scene.names({ repository: 'owner/first', status: 'idle' })).to.deep.equal(['proxy-1'])
  })

  it('shows runners of every type, newest first, with reason and message', () => {
    const scene = new Scene()
    const quota = { phase: 'Starting', reason: 'QuotaExceeded', message: 'exceeded quota' } as const
    scene.putRunner(aRunner({ job: scene.putJob(aJob()), metadata: { creationTimestamp: stamp(1) }, status: quota }))
    scene.putRunner(aProxy({ metadata: { creationTimestamp: stamp(2) } }))
    const dedicated = { type: 'Dedicated', displayName: 'big machine' } as const
    scene.putRunner(aProxy({ metadata: { name: 'd', creationTimestamp: stamp(3) }, spec: dedicated }))
    expect(scene.names()).to.deep.equal(['big machine', 'proxy-1', 'job-1'])
    expect(scene.names({ type: 'dedicated' })).to.deep.equal(['big machine'])
    expect(scene.row({ type: 'ephemeral' })).to.include({
      status: 'starting',
      reason: 'QuotaExceeded',
      lastHeartbeat: null,
      pool: 'pool',
      jobId: 'job-uid',
    })
    expect(scene.row({ type: 'proxy' })).to.include({ pool: null, jobId: null, repository: null })
  })
})
