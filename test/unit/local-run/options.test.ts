import { expect } from 'chai'
import { BadOptions, readOptions } from '../../../config/local/run.d/options.ts'

/** The environment that `make run A=1 B='x y'` gives to what it starts. */
function underMake(variables: Record<string, string>, rest: Record<string, string> = {}): NodeJS.ProcessEnv {
  const given = Object.entries(variables).map(([name, value]) => `${name}=${value.replaceAll(' ', '\\ ')}`)
  return { ...variables, ...rest, MAKEFLAGS: `rR --no-print-directory -- ${given.join(' ')}` }
}

function problemsOf(args: string[], env: NodeJS.ProcessEnv = {}): string[] {
  try {
    readOptions(args, env)
  } catch (error) {
    if (error instanceof BadOptions) return error.message.split('\n')
  }
  return []
}

describe('options of make run', () => {
  it('have defaults', () => {
    expect(readOptions([], {})).to.deep.equal({
      namespace: 'runnerhub',
      httpPort: 3000,
      realtimePort: 3001,
      once: false,
      settings: {},
    })
  })

  it('pass on the settings that were given to make, and no others', () => {
    const env = underMake({ RATE_LIMIT_MAX: '10000', LEASE_NAME: 'a WORKERS=3' }, { LOG_LEVEL: 'debug' })
    expect(readOptions([], env).settings).to.deep.equal({ RATE_LIMIT_MAX: '10000', LEASE_NAME: 'a WORKERS=3' })
  })

  it('pass on the settings that were given as arguments, which win', () => {
    const env = underMake({ WORKERS: '3', LOG_LEVEL: 'warn' })
    expect(readOptions(['WORKERS=4'], env).settings).to.deep.equal({ WORKERS: '4', LOG_LEVEL: 'warn' })
  })

  it('take their own from the environment too', () => {
    const env = { RUN_ONCE: '1', RUN_HTTP_PORT: '3100', RUN_NAMESPACE: 'mine', IMAGE: 'registry.example/hub:1' }
    const options = readOptions(['RUNNER_IMAGE=registry.example/runner:2'], env)
    expect(options).to.include({ once: true, httpPort: 3100, namespace: 'mine' })
    expect(options).to.include({ image: 'registry.example/hub:1', runnerImage: 'registry.example/runner:2' })
  })

  it('start an S3 server for logs in a bucket, unless one is named', () => {
    const started = readOptions(['LOG_ARCHIVE=s3', 'WORKERS=4'], {})
    expect(started).to.deep.include({ startsS3: true, settings: { WORKERS: '4' } })
    const named = ['LOG_ARCHIVE=s3', 'LOG_ARCHIVE_BUCKET=logs']
    expect(readOptions(named, {})).to.not.have.property('startsS3')
    expect(readOptions(named, {}).settings).to.deep.equal({ LOG_ARCHIVE: 's3', LOG_ARCHIVE_BUCKET: 'logs' })
    expect(readOptions(['LOG_ARCHIVE=volume', 'LOG_ARCHIVE_FOLDER=/logs'], {})).to.not.have.property('startsS3')
  })

  it('accept the variables of the builder and the cluster', () => {
    expect(problemsOf([], underMake({ BASE_IMAGE: 'x', RUNNERHUB_KUBECONFIG: 'y' }))).to.deep.equal([])
  })

  it('are rejected all at once, each with its reason', () => {
    const args = ['RATE_LIMIT_MAX=none', 'RATE_LIMT_MAX=1', 'HTTP_PORT=80', 'RUN_HTTP_PORT=0', 'RUN_NAMESPACE=A', '-v']
    const problems = problemsOf(args)
    expect(problems).to.have.length(args.length)
    for (const name of args.map((arg) => arg.split('=')[0] ?? arg)) {
      expect(
        problems.some((problem) => problem.includes(name)),
        name,
      ).to.equal(true)
    }
  })
})
