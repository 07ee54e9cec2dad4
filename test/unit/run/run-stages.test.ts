import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { Stage, Work } from '../../run/stages.ts'
import { resultFile } from '../../run/suite-result.ts'
import type { Samples } from './run-samples.ts'

const program = join(import.meta.dirname, 'run-samples.ts')
const suiteName = 'sample-of-the-runner'

describe('a run of stages', function () {
  // A killed stage is awaited until the system has reaped its children.
  this.timeout('30s')
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'run-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
    await rm(resultFile(suiteName), { force: true })
  })

  it('sums up passed, failed and skipped tests alone in the last line', async () => {
    const output = await runTests(
      "it('a', () => {}); it('b', () => {}); it('c', () => { throw new Error('no') }); it.skip('d')",
    )
    expect(lastLine(output)).to.equal('2 passed, 1 failed, 1 skipped')
    expect(output).to.include('failed: c: no').and.include('skipped: d (for a reason)')
  })

  it('counts a suite that ends without results as one failure', async () => {
    const output = await runTests("it('a', () => process.exit(0))")
    expect(output).to.include('it wrote no result')
    expect(lastLine(output)).to.equal('0 passed, 1 failed, 0 skipped')
  })

  it('does not use the results of the last run for a suite that crashes', async () => {
    await runTests("it('a', () => {})")
    expect(lastLine(await runTests('process.exit(0)'))).to.equal('0 passed, 1 failed, 0 skipped')
  })

  it('fails a test with an unhandled rejection', async () => {
    const rejection = "void Promise.reject(new Error('lost')); await new Promise((resolve) => setTimeout(resolve, 20))"
    const output = await runTests(`it('a', async () => { ${rejection} })`)
    expect(lastLine(output)).to.equal('0 passed, 1 failed, 0 skipped')
  })

  it('fails a suite with an exclusive test', async () => {
    expect(lastLine(await runTests("it.only('a', () => {})"))).to.match(/^0 passed, [1-9]\d* failed, 0 skipped$/)
  })

  it('kills a stage at its deadline, with its children, and continues', async () => {
    const pidFile = join(folder, 'pid')
    const hang = `sleep 300 & echo $! > ${pidFile}; wait`
    const stages = [command('hangs', hang, { deadlineMinutes: 1 / 30 }), command('next', 'echo went on')]
    const output = await run({ stages, skips: {} })
    expect(output).to.include('hangs: killed: not done').and.include('went on')
    expect(lastLine(output)).to.equal('0 passed, 1 failed, 0 skipped')
    const { stdout } = await promisify(execFile)('sh', ['-c', `kill -0 $(cat ${pidFile}) 2>&1 || true`])
    expect(stdout).to.match(/no such process/i)
  })

  it('stops when all stages together exceed the time limit, and reports it', async () => {
    const stages = [command('hangs', 'sleep 300'), command('next', 'echo must not run')]
    const output = await run({ stages, skips: {}, deadlineMs: 2000 })
    expect(output).to.include('hangs: ended by SIGTERM').and.include('out of time: later stages did not run')
    expect(output).not.to.include('must not run')
    expect(lastLine(output)).to.equal('0 passed, 1 failed, 0 skipped')
  })

  it('has the results of a suite that gets a stop signal, and names the running test', async () => {
    const killed = "process.kill(process.pid, 'SIGTERM'); return new Promise(() => {})"
    const output = await runTests(`it('quick', () => {}); it('slow', () => { ${killed} }).timeout(0)`)
    expect(output).to.include('failed: slow: the suite got a stop signal')
    expect(lastLine(output)).to.equal('1 passed, 1 failed, 0 skipped')
  })

  it('does not run a stage that needs a failed one, and reports it', async () => {
    const stages = [
      command('up', 'exit 3'),
      command('tests', 'echo must not run', { needs: ['up'] }),
      command('more', 'echo must not run', { needs: ['tests'] }),
      command('free', 'echo does run'),
    ]
    const output = await run({ stages, skips: {} })
    expect(output).to.include('up: exit code 3').and.include('tests: not run: it needs "up", which failed')
    expect(output).to.include('more: not run: it needs "tests"').and.include('does run')
    expect(output).not.to.include('must not run')
    expect(lastLine(output)).to.equal('0 passed, 3 failed, 0 skipped')
  })

  it('prints the output of a parallel stage as a whole, at its end', async () => {
    const mark = join(folder, 'mark')
    const beside = `echo begun beside; until [ -e ${mark} ]; do sleep 0.01; done; echo ended beside`
    const stages = [
      command('waits', beside, { beside: true }),
      command('marks', `echo before; touch ${mark}; echo after`),
    ]
    const output = await run({ stages, skips: {} })
    expect(output).to.match(/before\nafter\n=== marks.*\n\n=== waits: its output\nbegun beside\nended beside\n/)
    expect(lastLine(output)).to.equal('0 passed, 0 failed, 0 skipped')
  })

  it('counts a failure of a parallel stage, and waits for it if it is needed', async () => {
    const stages = [
      command('fails', 'sleep 0.2; exit 3', { beside: true }),
      command('needs it', 'echo must not run', { needs: ['fails'] }),
      command('free', 'echo does run'),
    ]
    const output = await run({ stages, skips: {} })
    expect(output).to.include('fails: exit code 3').and.include('does run').and.not.include('must not run')
    expect(lastLine(output)).to.equal('0 passed, 2 failed, 0 skipped')
  })

  it('prints how long each stage took, and its share of the whole', async () => {
    const output = await run({ stages: [command('quick', 'true')], skips: {} })
    expect(output)
      .to.match(/^=== quick: \d+\.\d s$/m)
      .and.to.match(/^ {2}ok {3}quick \(\d+\.\d s, \d+ %\)$/m)
  })

  it('counts a command that cannot be started as one failure', async () => {
    const missing: Stage = { ...command('missing', ''), work: { is: 'command', command: ['no-such-command'] } }
    expect(lastLine(await run({ stages: [missing], skips: {} }))).to.equal('0 passed, 1 failed, 0 skipped')
  })

  it('prints how long the fixed loop took, before and after', async () => {
    const output = await run({ stages: [command('quick', 'true')], skips: {} })
    expect(output).to.include('The fixed loop took 1234 ms at the begin and 1234 ms at the end.')
  })

  it('fails if a file of a suite has no test', async () => {
    await writeFile(join(folder, 'empty.test.ts'), 'export {}\n')
    const output = await runTests("it('a', () => {})", '*.test.ts')
    expect(output).to.match(/no test of \S+empty\.test\.ts ran/)
    expect(lastLine(output)).to.equal('1 passed, 1 failed, 0 skipped')
  })

  describe('when a file failed', () => {
    const again: Stage = { ...command('again', ''), work: { is: 'rerun', suites: [suiteName] } }
    // Its first run leaves a mark for the second one.
    const failsOnce = (mark: string): string => `
      import { existsSync, writeFileSync } from 'node:fs'
      it('steady', () => {})
      it('at times', () => {
        const isSecond = existsSync('${mark}')
        writeFileSync('${mark}', '')
        if (!isSecond) throw new Error('out of luck')
      })`

    it('runs it once more alone, passes if it passes then, and lists it as unsteady', async () => {
      await writeFile(join(folder, 'other.test.ts'), "it('other', () => console.log('other runs'))\n")
      const output = await runTests(failsOnce(join(folder, 'mark')), '*.test.ts', again)
      expect(output.match(/other runs/g), 'runs of the file that passed').to.have.length(1)
      expect(output).to.match(
        /^unsteady: \S*sample\.test\.ts: at times: out of luck\n1 unsteady\n3 passed, 0 failed, 0/m,
      )
    })

    it('fails if it fails again', async () => {
      const output = await runTests("it('a', () => { throw new Error('no') })", 'sample.test.ts', again)
      expect(output).not.to.include('unsteady')
      expect(lastLine(output)).to.equal('0 passed, 1 failed, 0 skipped')
    })

    it('fails if its hooks fail again', async () => {
      const source = "describe('x', () => { before(() => { throw new Error('no') }); it('a', () => {}) })"
      expect(lastLine(await runTests(source, 'sample.test.ts', again))).to.equal('0 passed, 1 failed, 0 skipped')
    })

    it('runs none once more if more than three failed', async () => {
      for (const name of ['b', 'c', 'd']) {
        await writeFile(join(folder, `${name}.test.ts`), failsOnce(join(folder, `mark-${name}`)))
      }
      const output = await runTests(failsOnce(join(folder, 'mark')), '*.test.ts', again)
      expect(output).to.include('4 files failed: too many to be run once more')
      expect(lastLine(output)).to.equal('4 passed, 4 failed, 0 skipped')
    })
  })

  it('begins a stage only after the stages in its `after` have ended', async () => {
    const stages = [
      command('first', 'sleep 0.3; exit 1', { beside: true }),
      command('then', 'echo it runs', { after: ['first'] }),
    ]
    const output = await run({ stages, skips: {} })
    expect(output).to.match(/first: exit code 1\n[^]*=== then[^]*it runs/)
  })

  it('begins a stage while an earlier one still waits', async () => {
    const mark = join(folder, 'mark')
    const stages = [
      command('first', `until [ -e ${mark} ]; do sleep 0.01; done`, { beside: true }),
      command('waits', 'echo it runs', { beside: true, after: ['first'] }),
      command('marks', `touch ${mark}`),
    ]
    const output = await run({ stages, skips: {} })
    expect(output).to.match(/=== marks: [^]*=== waits: its output\nit runs\n/)
  })

  async function runTests(source: string, pattern = 'sample.test.ts', ...more: Stage[]): Promise<string> {
    await writeFile(join(folder, 'sample.test.ts'), `${source}\n`)
    const work: Work = { is: 'suite', files: join(folder, pattern), mochaArguments: [] }
    const stages = [{ ...command(suiteName, ''), work }, ...more]
    return run({ stages, skips: { d: 'for a reason' } })
  }

  /** The output; checks that the exit code and the file of the totals agree with it. */
  async function run(samples: Omit<Samples, 'totalsFile'>): Promise<string> {
    const totalsFile = join(folder, 'totals')
    const child = spawn(process.execPath, [program, JSON.stringify({ ...samples, totalsFile })])
    const ended = once(child, 'close')
    const output = await text(child.stdout)
    const isGood = / 0 failed, /.test(lastLine(output) ?? '')
    expect(await ended, output).to.deep.equal([isGood ? 0 : 1, null])
    expect((await readFile(totalsFile, 'utf8')).trimEnd()).to.equal(lastLine(output))
    return output
  }
})

function command(name: string, script: string, rest: Partial<Stage> = {}): Stage {
  const work: Work = { is: 'command', command: ['sh', '-c', script] }
  return { name, about: 'a sample', deadlineMinutes: 1, needs: [], work, ...rest }
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split('\n').at(-1)
}
