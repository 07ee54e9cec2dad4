import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { bundlePlugin, kubectlRunnerhub } from '../plugin/bundle.ts'
import { linesOf, printed } from './clients/rest.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { runsOn, untilSignalled } from './installation/pools.ts'

const lineCount = 500

/** A megabyte or so a second, for longer than the kubelet takes to rotate a file of more than ten. */
const rotatedLines = 20_000
const fillsItsLog = `l=0123456789; while [ \${#l} -lt 1000 ]; do l=$l$l; done; i=0
  while [ $i -lt ${rotatedLines} ]; do echo "$i $l"; i=$((i+1)); [ $((i % 100)) -gt 0 ] || sleep 0.1; done`

describe('the log of a job on a real node', () => {
  const installation = installed({
    setUp: async (hub) =>
      Promise.all([
        hub.createPool('many', { script: `i=0; while [ $i -lt ${lineCount} ]; do echo "line $i"; i=$((i+1)); done` }),
        hub.createPool('one', { script: untilSignalled, maxRunners: 1 }),
        hub.createPool('helped', { script: 'echo done; exit 3', sidecar: runsOn }),
        hub.createPool('filling', { script: fillsItsLog }).then(async () => {
          filling = await hub.rest.delegate({ labels: ['filling'] })
        }),
      ]),
  })
  let hub: Installation
  let filling = ''
  let plugin = ''

  before(async () => {
    plugin = await mkdtemp(join(tmpdir(), 'runnerhub-plugin-'))
    await bundlePlugin(plugin)
  })
  after(() => rm(plugin, { recursive: true }))

  beforeEach(() => {
    hub = installation()
  })

  it('can be followed before its pod exists, arrives while it is written, and ends with the job', async () => {
    const first = await hub.rest.delegate({ labels: ['one'] })
    const id = await hub.rest.delegate({ labels: ['one'] })
    const response = await hub.rest.open('GET', `/api/jobs/${id}/logs?follow=true`)
    expect(response.headers.get('content-type')).to.match(/^text\/plain/)
    expect((await hub.rest.job(id))['status']).to.equal('queued')
    expect(await hub.pod(id)).to.equal(undefined)

    await hub.finishJob(first)
    let text = ''
    const decoder = new TextDecoder()
    const body: AsyncIterable<Uint8Array> | null = response.body
    if (body === null) throw new Error('the answer has no body')
    for await (const chunk of body) {
      // The job gets its signal only now: the text above arrived while it was written.
      if (text === '') await hub.finishJob(id)
      text += decoder.decode(chunk, { stream: true })
    }
    expect(printed(linesOf(text))).to.deep.equal(['begun', 'over'])
    await hub.jobIs(id, { phase: 'Completed' })
    await hub.jobIs(first, { phase: 'Completed' })
  })

  it('is followed by kubectl runnerhub, which ends as the job does', async () => {
    const facts = ['owner/plugin', '--name', 'plugin-log', '--labels']
    const { code, stdout, stderr } = await kubectlRunnerhub(plugin, hub.place, 'delegate', ...facts, 'many', '--follow')
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: 'plugin-log Completed (Succeeded): exit code 0\n' })
    const lines = Array.from({ length: lineCount }, (_, index) => `line ${index}`)
    expect(stdout.trimEnd().split('\n')).to.deep.equal(['runnerjob.runnerhub.dev/plugin-log created', ...lines])
    const last = await kubectlRunnerhub(plugin, hub.place, 'logs', 'plugin-log', '--tail', '2')
    expect(last).to.include({ code: 0, stdout: `line ${lineCount - 2}\nline ${lineCount - 1}\n` })
    const helped = await kubectlRunnerhub(plugin, hub.place, 'delegate', 'owner/plugin', '--labels', 'helped', '--wait')
    expect(helped).to.include({ code: 4 })
    expect(helped.stderr).to.match(/Failed \(ExitCode\): exit code 3\n$/)
  })

  it('is followed by the plugin that the image holds, since that is the same file', async () => {
    const held = await hub.kubectl('exec', 'deploy/runnerhub', '--', 'cat', '/usr/local/bin/kubectl-runnerhub')
    expect(held === (await readFile(join(plugin, 'kubectl-runnerhub'), 'utf8'))).to.equal(true)
  })

  it('is one of the things that doctor finds well, until something is broken', async () => {
    const well = await kubectlRunnerhub(plugin, hub.place, 'doctor')
    expect(well).to.include({ code: 0, stderr: '' })
    for (const check of [
      'CRDs',
      'your rights',
      'operator',
      'operator rights',
      'leader',
      'webhooks',
      'pools',
      'REST API',
      'tokens',
    ]) {
      expect(well.stdout).to.match(new RegExp(`^ok +${check} `, 'm'))
    }
    expect(well.stdout).to.not.match(/^(FAIL|skip)/m)
    await hub.createPool('broken')
    const template = JSON.stringify({ spec: { template: { spec: { nodeNames: 'misspelt' } } } })
    await hub.kubectl('patch', 'rp', 'broken', '--type=merge', `--patch=${template}`)
    await hub.kubectl('wait', 'rp/broken', '--for=condition=Ready=False')
    const ill = await kubectlRunnerhub(plugin, hub.place, 'doctor')
    await hub.kubectl('delete', 'rp', 'broken')
    expect(ill.code).to.equal(1)
    expect(ill.stdout.match(/^FAIL.*\n.*$/gm)).to.have.length(1)
    expect(ill.stdout).to.match(
      /^FAIL +pools +broken is not ready: .*nodeNames.*\n +mend: kubectl -n \S+ edit rp broken$/m,
    )
  })

  it('is returned whole, by its last lines, or to a late follower', async () => {
    const id = await hub.rest.delegate({ labels: ['many'] })
    await hub.restShows(id, 'completed')
    await hub.until('its log to be there', async () => (await hub.rest.log(id)).length > 0)
    const all = await hub.rest.log(id)
    expect(printed(all)).to.deep.equal(Array.from({ length: lineCount }, (_, index) => `line ${index}`))
    expect(await hub.rest.log(id, '?tail=7')).to.deep.equal(all.slice(-7))
    expect(await hub.rest.log(id, '?tail=0')).to.deep.equal([])
    const followed = await hub.rest.call('GET', `/api/jobs/${id}/logs?follow=true&tail=3`)
    expect(linesOf(followed.body)).to.deep.equal(all.slice(-3))
  })

  it('is there after the job, though a side-car had to be stopped, and the job is over as its own container was', async () => {
    const id = await hub.rest.delegate({ labels: ['helped'] })
    await hub.jobIs(id, { phase: 'Failed', reason: 'ExitCode', exitCode: 3 })
    const pod = await hub.until('the pod to be over', async () => {
      const now = await hub.pod(id)
      return now?.status?.phase === 'Failed' ? now : undefined
    })
    expect(pod.status?.reason).to.equal('DeadlineExceeded')
    expect(pod.metadata).to.not.have.any.keys('deletionTimestamp', 'finalizers')
    expect(printed(await hub.rest.log(id))).to.deep.equal(['done'])
    expect(await hub.job(id)).to.nested.include({ 'status.phase': 'Failed', 'status.exitCode': 3 })
  })

  it('has its beginning and its end, though the kubelet has rotated the beginning away', async () => {
    const isCaptured = async (): Promise<boolean> => {
      const { conditions = [] } = (await hub.job(filling))?.status ?? {}
      return conditions.some(({ type, status }) => type === 'LogCaptured' && status === 'True')
    }
    await hub.until('the job to have filled its log, and the archive to have it', isCaptured, 90_000)
    const pod = (await hub.job(filling))?.status.podName ?? ''
    const [left = ''] = (await hub.kubectl('logs', pod, '--limit-bytes=20')).split(' ')
    expect(Number(left), 'the first line that the node has').to.be.above(0)
    const { body } = await hub.rest.call('GET', `/api/jobs/${filling}/logs?download=true`)
    const lines = printed(linesOf(body))
    const marker = lines.find((line) => line.startsWith('[RunnerHub]')) ?? ''
    const kept = lines.filter((line) => line !== marker).map((line) => Number(line.split(' ')[0]))
    expect([kept[0], kept.at(-1)], 'the beginning and the end').to.deep.equal([0, rotatedLines - 1])
    const leftOut = Number(/^\[RunnerHub\] (\d+) lines .* are left out here/.exec(marker)?.[1] ?? 0)
    expect(new Set(kept).size + leftOut, 'every line is kept or counted').to.equal(rotatedLines)
    const { data, headers } = await hub.rest.call('GET', `/api/jobs/${filling}/logs`)
    expect(data['truncated']).to.equal(true)
    expect(headers.get('x-runnerhub-log-truncated')).to.equal('true')
  })

  it('is empty before the job has begun', async () => {
    const blocker = await hub.rest.delegate({ labels: ['one'] })
    const id = await hub.rest.delegate({ labels: ['one'] })
    const { status, data } = await hub.rest.call('GET', `/api/jobs/${id}/logs`)
    expect({ status, data }).to.deep.equal({ status: 200, data: { logs: '' } })
    await hub.kubectl('delete', 'rj', blocker, id, '--wait=false')
  })
})
