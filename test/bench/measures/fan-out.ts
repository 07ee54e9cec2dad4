import { Served } from '../served/child.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Shipped } from '../stage/shipped.ts'
import { difference } from '../statistics.ts'
import { Audience } from './fan-out-clients.ts'

/** Events per burst, and number of bursts. */
const burst = 20
const bursts = 10

/** The speed of one server with many clients. */
interface FanOut {
  /** Messages per second, over all clients. */
  rate: number
  /** CPU seconds of the server for a million messages. */
  cpu: number
  /** Events that came twice or out of order. */
  wrong: number
}

export interface FanOutResult {
  clients: number
  surroundings: Surroundings
  /** A bare broadcast of the same payload with `ws`, before and after. */
  bare: FanOut
  rawDifference: number
  raw: FanOut
  socketIo: FanOut
  ratio: { raw: number; socketIo: number }
}

type Protocol = 'raw' | 'socketIo'

/** Measures the realtime server with many clients and bursts of new jobs, next to a bare broadcast. */
export async function measureFanOut(clients: number, shipped: Shipped): Promise<FanOutResult> {
  const around = surroundings()
  const run = (server: 'bare' | 'ours', protocol: Protocol) => measure({ clients, server, protocol }, shipped)
  const before = await run('bare', 'raw')
  const raw = await run('ours', 'raw')
  const socketIo = await run('ours', 'socketIo')
  const after = await run('bare', 'raw')
  const bare = {
    rate: (before.rate + after.rate) / 2,
    cpu: (before.cpu + after.cpu) / 2,
    wrong: before.wrong + after.wrong,
  }
  return {
    clients,
    surroundings: around,
    bare,
    rawDifference: difference(before.rate, after.rate),
    raw,
    socketIo,
    ratio: { raw: raw.rate / bare.rate, socketIo: socketIo.rate / bare.rate },
  }
}

interface Run {
  clients: number
  server: 'bare' | 'ours'
  protocol: Protocol
}

async function measure({ clients, server, protocol }: Run, shipped: Shipped): Promise<FanOut> {
  const served = await Served.start('fan-out-server.ts', [server], shipped)
  try {
    const audience = await Audience[protocol](served.port, clients)
    const publish = (): void => served.command(burst)
    await audience.receives(burst, publish)
    const before = await served.usage()
    let ms = 0
    for (let count = 0; count < bursts; count += 1) ms += await audience.receives(burst, publish)
    const after = await served.usage()
    audience.close()
    const messages = clients * burst * bursts
    return {
      rate: (messages * 1000) / ms,
      cpu: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / messages,
      wrong: audience.wrong,
    }
  } finally {
    await served.stop()
  }
}
