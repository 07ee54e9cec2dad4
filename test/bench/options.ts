import { parseArgs } from 'node:util'

const allParts =
  'drain,latency,delegations,hand-overs,starts,lists,scrapes,queue,pools,retention,fan-out,logs,captures,full-archive'.split(
    ',',
  )

const help = `Measures the operator next to a raw client, on fresh control planes.

  node test/bench/main.ts                     everything, about half an hour
  node test/bench/main.ts --only drain        a part, or several: ${allParts.join(',')}
      --jobs N        jobs of the drain, of the delegations, of the pools, and four times those of the hand-overs [2000]
      --repeats N     number of drains; the median counts [3]
      --seconds N     how long each load of latency and retention lasts [20]
      --rates LIST    jobs per second of the latency loads [20,50]
      --listed N      jobs in the lists [100000]
      --finished N    finished jobs that are deleted while others arrive [10000]
      --clients LIST  clients that receive events [1000,5000]
      --log-mib N     size of the archived log [1024]
      --running N     running pods whose logs are captured [500]
      --json FILE     file for the result [build/bench.json]
      --cpu-profile DIRECTORY   profile the operator; makes it slower
`

export interface Options {
  parts: readonly string[]
  jobs: number
  repeats: number
  seconds: number
  rates: readonly number[]
  listed: number
  finished: number
  clients: readonly number[]
  logMib: number
  running: number
  json: string
  cpuProfile: string | undefined
}

/** The options of the command line; undefined after printing the help. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      only: { type: 'string', default: allParts.join(',') },
      jobs: { type: 'string', default: '2000' },
      repeats: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '20' },
      rates: { type: 'string', default: '20,50' },
      listed: { type: 'string', default: '100000' },
      finished: { type: 'string', default: '10000' },
      clients: { type: 'string', default: '1000,5000' },
      'log-mib': { type: 'string', default: '1024' },
      running: { type: 'string', default: '500' },
      json: { type: 'string', default: 'build/bench.json' },
      'cpu-profile': { type: 'string' },
    },
  })
  if (values.help === true) {
    process.stdout.write(help)
    return undefined
  }
  const parts = values.only.split(',')
  for (const part of parts)
    if (!allParts.includes(part)) throw new TypeError(`--only ${part}: must be one of ${allParts.join(', ')}`)
  return {
    parts,
    jobs: positive('jobs', values.jobs),
    repeats: positive('repeats', values.repeats),
    seconds: positive('seconds', values.seconds),
    rates: values.rates.split(',').map((rate) => positive('rates', rate)),
    listed: positive('listed', values.listed),
    finished: positive('finished', values.finished),
    clients: values.clients.split(',').map((count) => positive('clients', count)),
    logMib: positive('log-mib', values['log-mib']),
    running: positive('running', values.running),
    json: values.json,
    cpuProfile: values['cpu-profile'],
  }
}

function positive(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new TypeError(`--${name} ${text}: must be a whole number from 1 up`)
}
