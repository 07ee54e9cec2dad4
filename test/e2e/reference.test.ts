import { expect } from 'chai'
import { io } from 'socket.io-client'
import { delegateExample, followExample, statusExample } from '../../config/local/run.d/reference.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { command } from '../processes/command.ts'
import { linesOf, printed } from './clients/rest.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'

describe("the API reference's own examples", () => {
  const installation = installed()
  let hub: Installation

  beforeEach(() => {
    hub = installation()
  })

  it('delegate a job, show it, list it and follow its log', async () => {
    // Of a run of its own: what another suite has delegated by the same example is the same job.
    const delegated = await curl(delegateExample(hub.port).replace('"456"', '"457"'))
    expect(delegated).to.include({ success: true })
    const { delegationId, status } = asObject(delegated['data'])
    expect(status).to.equal('queued')
    const id = String(delegationId)
    expect(id).to.match(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)

    await hub.jobIs(id, { phase: 'Running' })
    const listed = await hub.until('the list to have it', async () => {
      const answer = await curl(listExample(hub.port))
      return idsOf(answer['data']).includes(id) && answer
    })
    expect(asObject(listed['pagination'])).to.include({ page: 1, limit: 10, totalPages: 1 })

    const log = linesOf(await command('bash', '-c', followExample(hub.port, id)))
    expect(printed(log)).to.include.members(['Starting job 123 of run 457', 'step 5 of 5', 'Job done'])
    await hub.jobIs(id, { phase: 'Completed' })
    const shown = await curl(statusExample(hub.port, id))
    expect(asObject(shown['data'])).to.include({
      id,
      githubJobId: 123,
      jobId: '123',
      runId: '457',
      repository: 'owner/repo',
      workflow: 'CI',
      runnerName: 'proxy-1',
      status: 'completed',
    })
    expect(asObject(asObject(shown['data'])['metadata'])['proxyRunner']).to.equal('proxy-1')
  })

  it('tell a Socket.IO client what becomes of the jobs of a repository', async () => {
    const socket = io(`ws://localhost:${hub.realtimePort}`)
    const seen: unknown[] = []
    try {
      socket.onAny((event: string, data: unknown) => seen.push({ event, ...asObject(data) }))
      await hub.until('the socket to be connected', () => socket.connected)
      await socket.emitWithAck('subscribe:repository', 'owner/observed')
      const id = await hub.rest.delegate({ repository: 'owner/observed', labels: ['self-hosted'] })
      await hub.until('the job to be told as completed', () =>
        seen.some((data) => asObject(data)['status'] === 'completed'),
      )
      const path = ['assigned', 'running', 'completed'].map((status) => ({ event: 'job:status', status }))
      const steps = [{ event: 'job:delegated', status: 'queued' }, ...path]
      expect(seen).to.deep.equal(steps.map((step) => ({ ...step, jobId: id, repository: 'owner/observed' })))
    } finally {
      socket.close()
    }
  })
})

function listExample(port: number): string {
  return `curl "http://localhost:${port}/api/jobs?status=running&limit=10" \\
  -H "Authorization: Bearer your-token"`
}

async function curl(example: string): Promise<Record<string, unknown>> {
  return asObject(JSON.parse(await command('bash', '-c', example)))
}

function idsOf(list: unknown): unknown[] {
  return Array.isArray(list) ? list.map((job: unknown) => asObject(job)['id']) : []
}
