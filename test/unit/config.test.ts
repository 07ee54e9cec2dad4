import { expect } from 'chai'
import { BadConfig, describeSettings, helpText, readConfig } from '../../src/config.ts'

/** What is wrong, line by line. */
function problems(args: string[], env: NodeJS.ProcessEnv = {}): string[] {
  try {
    readConfig(args, env)
  } catch (error) {
    if (error instanceof BadConfig) return error.message.split('\n')
    throw error
  }
  return []
}

describe('the configuration', () => {
  it('has what the place for logs cannot do without', () => {
    expect(() => readConfig([], { LOG_ARCHIVE: 's3' })).to.throw(
      BadConfig,
      '--log-archive-bucket: LOG_ARCHIVE=s3 needs it',
    )
    expect(() => readConfig([], { LOG_ARCHIVE: 'volume' })).to.throw(BadConfig, '--log-archive-folder')
    expect(readConfig([], { LOG_ARCHIVE: 's3', LOG_ARCHIVE_BUCKET: 'b' })).to.include({ logArchiveBucket: 'b' })
    expect(() => readConfig([], { LOG_ARCHIVE_ENDPOINT: 'ftp://x' })).to.throw(BadConfig, 'must be a URL')
    expect(() => readConfig([], { LOG_REDACT_PATTERNS: 'good\n(bad' })).to.throw(BadConfig, '(bad')
  })

  it('has defaults', () => {
    const config = readConfig([], {})
    expect(config).to.include({
      roles: 'both',
      namespace: 'runnerhub',
      httpPort: 3000,
      realtimePort: 3001,
      logLevel: 'info',
    })
    expect(config).to.include({ rateLimitMax: 100, rateLimitWindowSeconds: 900, realtimeAnonymous: 'false' })
    expect(config).to.include({ realtimeMaxPerCaller: 1000 })
    expect(config.tokenFile).to.equal(undefined)
    expect(Object.keys(config)).to.have.length(describeSettings().length)
  })

  it('prefers flags to the environment', () => {
    const env = { HTTP_PORT: '4000', LOG_LEVEL: 'debug' }
    expect(readConfig(['--http-port=5000'], env)).to.include({ httpPort: 5000, logLevel: 'debug' })
  })

  it('treats an empty value as absent', () => {
    expect(readConfig(['--http-port='], { LOG_LEVEL: '', TOKEN_FILE: '' })).to.include({
      httpPort: 3000,
      logLevel: 'info',
    })
    expect(readConfig([], { TOKEN_FILE: '' }).tokenFile).to.equal(undefined)
  })

  it('accepts proxies as addresses and networks only', () => {
    const trusted = (text: string) => readConfig([], { TRUSTED_PROXIES: text }).trustedProxies
    expect(trusted('10.0.0.0/8, 192.0.2.1,fd00::/8')).to.deep.equal([
      { address: '10.0.0.0', prefix: 8 },
      { address: '192.0.2.1', prefix: 32 },
      { address: 'fd00::', prefix: 8 },
    ])
    for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', 'fd00::/129', '/8', '10.0.0/8']) {
      expect(problems([], { TRUSTED_PROXIES: wrong }), wrong).to.have.length(1)
    }
  })

  it('accepts a value with = in it', () => {
    expect(readConfig(['--kube-context=a=b'], {}).kubeContext).to.equal('a=b')
  })

  it('reports every problem at once, with flag and variable', () => {
    expect(
      problems(['--http-port=70000', '--nonsense=1'], { ROLES: 'all', WORKERS: '1.5', LEASE_SECONDS: '1' }),
    ).to.deep.equal([
      '--roles (ROLES) is "all": must be one of both, controllers, facade',
      '--http-port (HTTP_PORT) is "70000": must be a whole number from 0 to 65535',
      '--workers (WORKERS) is "1.5": must be a whole number from 1 to 1000',
      '--lease-seconds (LEASE_SECONDS) is "1": must be a whole number from 2 to 3600',
      '--nonsense: no such setting',
    ])
  })

  it('accepts origins only as browsers send them', () => {
    const origins = (text: string) => {
      const { corsOrigins, realtimeOrigins } = readConfig([], { CORS_ORIGINS: text, REALTIME_ORIGINS: text })
      expect(realtimeOrigins).to.deep.equal(corsOrigins)
      return corsOrigins
    }
    expect(origins('https://a.example, http://localhost:8080')).to.deep.equal([
      'https://a.example',
      'http://localhost:8080',
    ])
    expect(origins('*')).to.deep.equal(['*'])
    expect(origins('')).to.equal(undefined)
    for (const bad of ['a.example', 'https://a.example/', 'https://a.example/x', 'ftp://a.example', 'null', ',']) {
      for (const name of ['CORS_ORIGINS', 'REALTIME_ORIGINS']) {
        expect(problems([], { [name]: bad }), bad).to.have.length(1)
      }
    }
  })

  it('accepts labels with or without blanks after the commas', () => {
    const { taskLabels } = readConfig([], { TASK_LABELS: 'a, b,c ,' })
    expect(taskLabels).to.deep.equal(['a', 'b', 'c'])
    expect(readConfig([], {}).taskLabels).to.deep.equal(['self-hosted'])
  })

  it('rejects a flag without a value', () => {
    expect(problems(['--http-port', '5000', '--realtime-anonymous'])).to.deep.equal([
      '--http-port: settings are given as --name=value',
      '5000: settings are given as --name=value',
      '--realtime-anonymous: settings are given as --name=value',
    ])
  })

  for (const text of ['-1', '1e3', '0x10', ' 5', 'Infinity', '9'.repeat(400)]) {
    it(`rejects ${text.slice(0, 10)} as a port`, () => expect(problems([`--http-port=${text}`])).to.have.length(1))
  }

  it('describes every setting, its variable and its default in the help text', () => {
    const help = helpText()
    for (const { env, default: fallback, help: text } of describeSettings()) {
      expect(help).to.include(`(${env})`).and.include(text)
      if (fallback !== undefined) expect(help).to.include(`[${fallback}]`)
    }
    expect(help).to.include('--http-port=…')
  })
})
