import { execFile } from 'node:child_process'
import { access, chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { commandOf } from '../../documents/documents.ts'
import { Listener } from '../../hand-over/listener.ts'
import { bundle, configureRunner, type ProxyRunner, type Ran, runProgram } from '../../hand-over/proxy.ts'
import { ScriptedHub } from './scripted-hub.ts'

describe('runnerhub-worker on a runner', function () {
  this.timeout('30s')
  let folder: string
  let program: string
  let runner: string
  let count = 0

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-install-'))
    program = join(folder, 'runnerhub-worker.cjs')
    await bundle(program)
  })
  after(() => rm(folder, { recursive: true }))
  beforeEach(() => {
    count += 1
    runner = join(folder, `runner ${count}`)
  })

  const configure = (more: Partial<ProxyRunner> = {}) => configureRunner(runner, { version: '2.336.0', ...more })
  const run = (command: string, env: Record<string, string> = {}): Promise<Ran> =>
    runProgram(program, [command, runner], env)
  const textOf = (path: string): Promise<string> => readFile(join(runner, path), 'utf8')
  const filesIn = async (path: string): Promise<string[]> => (await readdir(join(runner, path))).sort()

  describe('install', () => {
    it('takes the place of the Worker, which is kept, and is undone to the byte', async () => {
      await configure()
      const original = await textOf('bin/Runner.Worker')
      const { code, out } = await run('install')
      expect(code).to.equal(0)
      expect(out).to.equal(`Installed in ${runner}; the runner's own Worker is kept.\n`)
      expect(await filesIn('bin')).to.deep.equal([
        'Runner.Listener',
        'Runner.Worker',
        'Runner.Worker.original',
        'runnerhub-worker.cjs',
      ])
      expect(await textOf('bin/Runner.Worker.original')).to.equal(original)
      expect(await run('uninstall')).to.include({ code: 0 })
      expect(await filesIn('bin')).to.deep.equal(['Runner.Listener', 'Runner.Worker'])
      expect(await textOf('bin/Runner.Worker')).to.equal(original)
    })

    it('may be repeated, and brings its own version then', async () => {
      await configure()
      const original = await textOf('bin/Runner.Worker')
      await run('install')
      await writeFile(join(runner, 'bin/runnerhub-worker.cjs'), 'an older one')
      expect((await run('install')).code).to.equal(0)
      expect(await textOf('bin/runnerhub-worker.cjs')).to.equal(await readFile(program, 'utf8'))
      expect(await textOf('bin/Runner.Worker.original')).to.equal(original)
    })

    it('keeps the new Worker of a runner that was unpacked over an old installation', async () => {
      await configure()
      await run('install')
      await writeFile(join(runner, 'bin/Runner.Worker'), 'the next version')
      expect((await run('doctor')).out).to.include('BAD   the runner was replaced after the installation')
      expect((await run('install')).code).to.equal(0)
      expect(await textOf('bin/Runner.Worker.original')).to.equal('the next version')
    })

    it('refuses a runner that updates itself, and changes nothing', async () => {
      await configure({ isUpdateOff: false })
      const { code, err } = await run('install')
      expect(code).to.equal(1)
      expect(err).to.include('updates itself').and.include('--disableupdate')
      expect(await filesIn('bin')).to.deep.equal(['Runner.Listener', 'Runner.Worker'])
    })

    it('is done before a runner is configured, as images want it, and says how to configure that', async () => {
      await configure({ isUpdateOff: undefined })
      const { code, out } = await run('install')
      expect(code).to.equal(0)
      expect(out).to.include('configure it with --disableupdate')
    })

    it('is done by the five commands of docs/github.md', async () => {
      await configure()
      const hub = new ScriptedHub()
      hub.files.set('/docs/runnerhub-worker.cjs', await readFile(program))
      await hub.start()
      const env = { PATH: process.env['PATH'], HUB: hub.url, TOKEN: 'token' }
      const commands = commandOf('docs/github.md', 'curl -fsSO')
      const options = { cwd: runner, env }
      const { stdout } = await promisify(execFile)('bash', ['-euc', commands], options)
      await hub.stop()
      expect(stdout).to.include('Installed in').and.include('knows the token').and.not.include('BAD')
      expect(commands.trim().split('\n')).to.have.length(5)
      expect(hub.calls.map(({ authorization }) => authorization)).to.include('Bearer token')
    })

    it('leaves a Worker that starts from wherever it is called, with an exit code that is no result', async () => {
      await configure()
      await run('install')
      const listener = await Listener.start(runner)
      expect((await listener.ended()).annotation).to.deep.equal([
        'RunnerHub: RUNNERHUB_URL is not set: it is the address of the hub',
      ])
    })
  })

  for (const [what, change, why] of [
    ['there is no such folder', async () => {}, 'is no folder'],
    [
      'the folder holds no runner',
      async () => {
        await configure()
        await rm(join(runner, 'bin/Runner.Listener'))
      },
      'Runner.Listener is missing',
    ],
    [
      'the runner brings no Node.js',
      async () => {
        await configure()
        await rm(join(runner, 'externals'), { recursive: true })
      },
      'has no Node.js 20',
    ],
  ] as const) {
    it(`install fails with the reason where ${what}`, async () => {
      await change()
      const { code, out, err } = await run('install')
      expect({ code, out }).to.deep.equal({ code: 1, out: '' })
      expect(err)
        .to.match(/^runnerhub-worker: .+\n$/)
        .and.include(why)
    })
  }

  it('uninstall says where nothing is installed, and fails where the original is lost', async () => {
    await configure()
    expect(await run('uninstall')).to.deep.include({ code: 0, out: `Nothing is installed in ${runner}.\n` })
    await run('install')
    await rm(join(runner, 'bin/Runner.Worker.original'))
    const { code, err } = await run('uninstall')
    expect(code).to.equal(1)
    expect(err).to.include("Runner.Worker.original is missing, which is the runner's own Worker")
    await access(join(runner, 'bin/Runner.Worker'))
  })

  describe('doctor', () => {
    let hub: ScriptedHub
    let env: Record<string, string>

    beforeEach(async () => {
      hub = new ScriptedHub()
      await hub.start()
      await writeFile(join(folder, 'token'), 'token')
      env = { RUNNERHUB_URL: hub.url, RUNNERHUB_TOKEN_FILE: join(folder, 'token') }
    })
    afterEach(() => hub.stop())

    const bad = ({ out }: Ran): string[] => out.match(/(?<=^BAD {3}).*$/gm) ?? []

    it('finds nothing where all is well, with settings from the file of the runner', async () => {
      await configure()
      await run('install')
      const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
      await writeFile(join(runner, '.env'), `LANG=C.UTF-8\n${lines.join('')}`)
      const ran = await run('doctor')
      expect(ran.code, ran.out).to.equal(0)
      expect(ran.out).to.include('good  the runner has version 2.336.0\n')
      expect(ran.out).to.include(`good  ${hub.url} answers, and knows the token\n`)
    })

    it('is content with a token that may not list jobs', async () => {
      await configure()
      await run('install')
      hub.script.refuse = () => ({ status: 403 })
      expect(bad(await run('doctor', env))).to.deep.equal([])
    })

    it('names everything that is wrong, each with what helps', async () => {
      await configure({ isUpdateOff: false })
      hub.script.refuse = () => ({ status: 401 })
      const ran = await run('doctor', env)
      expect(ran.code).to.equal(1)
      expect(bad(ran)).to.deep.equal([
        'runnerhub-worker is not installed: run install',
        'the runner updates itself: configure it again with --disableupdate',
        `${join(runner, 'bin/runnerhub-worker.cjs')} is missing: run install`,
        'the hub does not know the token',
      ])
    })

    it('says where the hub cannot be reached, and which setting is missing', async () => {
      await configure()
      await run('install')
      await hub.stop()
      expect(bad(await run('doctor', env)).join()).to.include('ECONNREFUSED')
      expect(bad(await run('doctor')).join()).to.include('RUNNERHUB_URL is not set')
      const noToken = bad(await run('doctor', { ...env, RUNNERHUB_TOKEN_FILE: join(folder, 'none') }))
      expect(noToken.join()).to.include('RUNNERHUB_TOKEN_FILE').and.include('cannot be read')
    })

    it('says what there is where there is no runner', async () => {
      expect(bad(await run('doctor', env))[0]).to.include('there is no runner')
    })

    it('does not need a runner that answers', async () => {
      await configure()
      await run('install')
      await writeFile(join(runner, 'bin/Runner.Listener'), 'no program')
      await chmod(join(runner, 'bin/Runner.Listener'), 0o644)
      expect(bad(await run('doctor', env))).to.deep.equal(['the runner does not say its version'])
    })
  })

  it('explains itself with --help, every setting included', async () => {
    const { code, out } = await runProgram(program, ['--help'])
    expect(code).to.equal(0)
    for (const word of ['install DIR', 'uninstall DIR', 'doctor DIR']) expect(out).to.include(word)
    const source = await readFile(join(import.meta.dirname, '../../../src/proxy/settings.ts'), 'utf8')
    const names = [...source.matchAll(/\(env, '([A-Z_]+)'/g)].map(([, name = '']) => `RUNNERHUB_${name}`)
    expect(names).to.have.length.above(8)
    expect(names.filter((name) => !out.includes(`  ${name} `))).to.deep.equal([])
    expect((await runProgram(program, ['install', '--help'])).out).to.equal(out)
  })

  for (const [args, why] of [
    [[], 'no command'],
    [['instal', 'x'], 'no command instal'],
    [['install'], 'install needs a folder'],
    [['doctor', '--all'], 'doctor needs a folder'],
    [['install', 'a', 'b'], 'takes one folder'],
    [['spawnclient', 'x', '4'], 'wants the numbers of two descriptors'],
  ] as const) {
    it(`says what is wrong with '${args.join(' ')}'`, async () => {
      const { code, out, err } = await runProgram(program, [...args])
      expect(code).to.be.oneOf([1, 2])
      expect(out).to.equal('')
      expect(err).to.include(why)
    })
  }
})
