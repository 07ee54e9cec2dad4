import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { root } from '../../config/local/run.d/cluster.ts'
import { type Forward, forward } from '../../config/local/run.d/forward.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { listOf } from '../charts/monitoring.ts'
import { type Listener, rawListener } from '../integration/realtime/listener.ts'
import { command } from '../processes/command.ts'
import { documentedExamples } from './clients/documented-examples.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { portIsFree } from './installation/make-run.ts'

/** The ports in the examples. */
const [REST, REALTIME] = [3000, 3001]
const UNKNOWN = '550e8400-e29b-41d4-a716-446655440000'

describe('the unchanged examples of docs/api.md', () => {
  const installation = installed()
  const stop = new AbortController()
  const forwards: Forward[] = []
  const programs: ChildProcess[] = []
  const listeners: Listener[] = []
  let hub: Installation

  before(async () => {
    hub = installation()
    const services: [string, number][] = [
      ['runnerhub', REST],
      ['runnerhub-realtime', REALTIME],
    ]
    for (const [service, port] of services) {
      const options = { place: hub.place, service, servicePort: port, report: () => undefined }
      // A `make run` may be active on this machine.
      const localPort = (await portIsFree(port)) ? port : 0
      forwards.push(await forward({ ...options, localPort }, stop.signal))
    }
  })
  after(async () => {
    for (const listener of listeners) listener.close()
    for (const program of programs) program.kill('SIGKILL')
    stop.abort(new Error('the tests are over'))
    await Promise.all(forwards.map(({ ended }) => ended))
  })

  /** The unchanged text, except for a port that was taken. */
  function withPorts(text: string): string {
    const [rest, realtime] = forwards
    return text.replaceAll(`:${REST}`, `:${rest?.port}`).replaceAll(`:${REALTIME}`, `:${realtime?.port}`)
  }

  const [delegateIt = '', showIt = '', listIt = ''] = documentedExamples()
    .filter(({ language }) => language === 'bash')
    .map(({ text }) => text)

  it('cURL: a job is delegated, not found by the printed id, shown by its own id, and listed', async () => {
    const delegated = await curl(withPorts(delegateIt))
    expect(delegated.status).to.equal(201)
    const { delegationId, status } = asObject(delegated.body['data'])
    expect(status).to.equal('queued')
    const id = String(delegationId)

    const unknown = await curl(withPorts(showIt))
    expect(unknown.status).to.equal(404)
    expect(unknown.body).to.include({ success: false, code: 'NotFound' })
    const shown = await curl(withPorts(showIt).replace(UNKNOWN, id))
    expect(shown.status).to.equal(200)
    expect(asObject(shown.body['data'])).to.include({ id, githubJobId: 123, repository: 'owner/repo', workflow: 'CI' })

    await hub.jobIs(id, { phase: 'Running' })
    const listed = await hub.until('the list to have it', async () => {
      const answer = await curl(withPorts(listIt))
      return JSON.stringify(answer.body['data']).includes(id) && answer
    })
    expect(listed.status).to.equal(200)
    // Jobs of other tests may still run.
    const total = listOf(listed.body['data']).length
    expect(listed.body['pagination']).to.deep.equal({ page: 1, limit: 10, total, totalPages: 1 })
    await hub.jobIs(id, { phase: 'Completed' })
  })

  it('JavaScript: the program receives the events of a job of owner/repo until its end', async () => {
    const program = await startProgram()
    await hub.until(`the program to connect:\n${program.output()}`, () => program.output().includes('Connected'))
    const id = await hub.rest.delegate({ labels: ['self-hosted'] })
    const printed = () => [...program.output().matchAll(/jobId: '([^']+)'.*?status: '(\w+)'/gs)]
    const states = () => printed().flatMap(([, job, status]) => (job === id ? [status] : []))
    await hub.until('the program to receive the end', () => states().includes('completed'), 30_000, id)
    // It prints that it is connected before it subscribes, and may miss the first event.
    expect(states().join(' '), program.output()).to.match(/^(assigned )?running completed$/)
  })

  it('a raw WebSocket client receives each state once, with exactly the documented fields', async () => {
    const listener = await rawListener(withPorts(`ws://localhost:${REALTIME}`), {})
    listeners.push(listener)
    await listener.send('subscribe:repository', 'owner/raw')
    const repository = 'owner/raw'
    const jobId = await hub.rest.delegate({ repository, labels: ['self-hosted'] })
    const isOver = () => listener.received.some(({ data }) => data['status'] === 'completed')
    await hub.until('its last event', isOver, 30_000, jobId)
    expect(listener.received).to.deep.equal([
      { event: 'job:delegated', data: { jobId, repository, status: 'queued' } },
      { event: 'job:status', data: { jobId, repository, status: 'assigned' } },
      { event: 'job:status', data: { jobId, repository, status: 'running' } },
      { event: 'job:status', data: { jobId, repository, status: 'completed' } },
    ])
  })

  it('kubectl and REST act on the same jobs, and each shows the changes of the other', async () => {
    const byRest = await hub.rest.delegate({ labels: ['self-hosted'] })
    expect(await hub.kubectl('get', 'runnerjob', byRest, '--output=jsonpath={.spec.repository}')).to.equal('owner/repo')
    await hub.kubectl('patch', 'runnerjob', byRest, '--type=merge', '--patch={"spec":{"cancel":true}}')
    await hub.until('REST to show it cancelled', async () => (await hub.rest.job(byRest))['status'] === 'cancelled')
    expect(asObject((await hub.rest.job(byRest))['metadata'])['reason']).to.equal('CancelRequested')

    const job = await hub.createJob('by-kubectl', { repository: 'owner/kubectl', labels: ['self-hosted'] })
    const id = job.metadata.uid
    const list = async () => (await hub.rest.call('GET', '/api/jobs?repository=owner/kubectl')).body
    await hub.until('REST to list it', async () => (await list()).includes(id))
    await hub.until('REST to show it running', async () => (await hub.rest.job(id))['status'] === 'running')
    await hub.kubectl('delete', 'runnerjob', 'by-kubectl', '--wait=false')
    await hub.until('REST to return 404', async () => {
      return (await hub.rest.call('GET', `/api/jobs/${id}`)).status === 404
    })
  })

  it('the image has all files of the page at /docs', async () => {
    const page = await hub.rest.call('GET', '/docs')
    const links = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    expect(links).to.have.length(3)
    for (const link of links) {
      const { status, body } = await hub.rest.call('GET', link)
      expect(status, link).to.equal(200)
      expect(body).to.not.equal('')
    }
  })

  /** Starts the documented program, unchanged, in a folder with its own packages. */
  async function startProgram(): Promise<{ output: () => string }> {
    const [program] = documentedExamples().filter(({ language }) => language === 'typescript')
    const folder = await programFolder()
    await writeFile(join(folder, 'program.ts'), withPorts(program?.text ?? ''))
    const child = spawn(process.execPath, [join(folder, 'program.ts')], { stdio: ['ignore', 'pipe', 'pipe'] })
    programs.push(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    return { output: () => output }
  }
})

/** Installs the pinned packages of the documented program, unless the last run has, and returns the folder. */
async function programFolder(): Promise<string> {
  const source = fileURLToPath(new URL('documented-program', import.meta.url))
  const folder = join(root, 'build/documented-program')
  const lockIn = (where: string) => readFile(join(where, 'package-lock.json'), 'utf8').catch(() => '')
  // npm writes its own lock file last.
  const isComplete = existsSync(join(folder, 'node_modules/.package-lock.json'))
  const isInstalled = isComplete && (await lockIn(folder)) === (await lockIn(source))
  await cp(source, folder, { recursive: true })
  if (!isInstalled)
    await command('npm', 'ci', '--ignore-scripts', '--prefer-offline', '--loglevel=error', `--prefix=${folder}`)
  return folder
}

/** Runs a command line of curl unchanged; curl's settings make it print the status code, too. */
async function curl(example: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-curl-'))
  await writeFile(join(folder, '.curlrc'), 'silent\nwrite-out = "\\n%{http_code}"\n')
  const env = { ...process.env, CURL_HOME: folder }
  const { stdout } = await promisify(execFile)('bash', ['-c', example], { env })
  await rm(folder, { recursive: true })
  const end = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(end)), body: asObject(JSON.parse(stdout.slice(0, end))) }
}
