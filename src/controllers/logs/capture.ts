import { keyOf } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import { latestHeader } from '../../archive/reader.ts'
import { type ArchiveStore, type Attempt, PartExists } from '../../archive/store.ts'
import { ArchiveWriter } from '../../archive/writer.ts'
import type { Caches } from '../../cluster/caches.ts'
import { isUnknownContainer, logStart, openLog } from '../../cluster/pod-log.ts'
import type { ArchiveEnd } from '../../domain/log/archive-index.ts'
import { lostLine } from '../../domain/log/archive-index.ts'
import { BEGINNING_BYTES, mayLackBeginning } from '../../domain/log/beginning.ts'
import { isLogLine } from '../../domain/log/handed-on.ts'
import { LogPosition } from '../../domain/log/position.ts'
import { redacted, type Redactor } from '../../domain/log/redaction.ts'
import { podState } from '../../domain/pod/state.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { NotFound } from '../../kube/client/errors.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { linkedAbortController, withTimeout } from '../../kube/runtime/signals.ts'

export interface CaptureDeps {
  client: KubeClient
  caches: Caches
  store: ArchiveStore
  redactor: () => Redactor
  clock: Clock
}

/** How a capture ended. */
export interface Captured {
  end: ArchiveEnd
  lines: number
}

/** What a capture needs to know of its pod, and reports. */
export interface Watching {
  attempt: Attempt
  /** An earlier leader may have stored parts. */
  mayBeStored: boolean
  /** Calls back at each change of the pod, until the returned function is called. */
  onChange: (listener: () => void) => () => void
  /** Something failed and is tried again. */
  onTrouble: (error: unknown) => void
  /** Ends the reading: what was read by then is stored. */
  enough: AbortSignal
}

/** How long after the end of a stream the pod's status shows that its container has ended, at most. */
const STATUS_MS = 1500

/**
 * For how long a stream may stay open after its container has ended: a kubelet looks only every five seconds whether a
 * container that writes nothing has ended. The rest is read in a request that does not follow.
 */
const LINGER_MS = 50

/** The reason of such an end. */
const overdue = new Error('the container has ended')

/** For how long the last part is stored once the reading has ended early. */
const LAST_STORE_MS = 5000

/** How often a capture begins again because another process stored the same part. */
const MOST_RESTARTS = 5

/** Reads the log of a pod from where its archive ends, and stores it as it is written, until its container has ended. */
export async function captureLog(
  deps: CaptureDeps,
  pod: Pod,
  watching: Watching,
  signal: AbortSignal,
): Promise<Captured> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await new Capture(deps, pod, watching).run(restarts > 0, signal)
    } catch (error) {
      if (!(error instanceof PartExists) || restarts >= MOST_RESTARTS) throw error
    }
  }
}

class Capture {
  readonly #deps: CaptureDeps
  readonly #pod: Pod
  readonly #watching: Watching
  readonly #backoff: Backoff
  #position = new LogPosition()
  #gaps = 0
  /** The latest stream of lines came to its end. If the node then has no log any more, that was the end of the log. */
  #hasEnded = false

  constructor(deps: CaptureDeps, pod: Pod, watching: Watching) {
    this.#deps = deps
    this.#pod = pod
    this.#watching = watching
    this.#backoff = this.#newBackoff()
  }

  async run(isRestart: boolean, signal: AbortSignal): Promise<Captured> {
    const { store } = this.#deps
    const { attempt, mayBeStored } = this.#watching
    const readable = linkedAbortController(signal, this.#watching.enough)
    try {
      const stored =
        mayBeStored || isRestart
          ? await this.#insist(() => latestHeader(store, attempt, readable.signal), readable.signal)
          : undefined
      if (stored?.end !== undefined) {
        return { end: stored.end, lines: stored.parts.reduce((sum, { lines }) => sum + lines, 0) }
      }
      if (stored?.position !== undefined) this.#position = LogPosition.restored(stored.position)
      const persist = (name: string, part: Buffer, patient: AbortSignal): Promise<void> =>
        this.#insist(() => store.put(attempt, name, part, patient), patient)
      const writer = new ArchiveWriter({ limits: store.limits, persist }, stored)
      const end = await this.#read(writer, readable.signal).catch((error: unknown) => {
        if (!this.#watching.enough.aborted || signal.aborted || error instanceof PartExists) throw error
        return 'cut' as const
      })
      await this.#finish(writer, end, signal)
      return { end, lines: writer.lines }
    } finally {
      readable.release()
    }
  }

  /** Reads until the container has ended and every line is written. */
  async #read(writer: ArchiveWriter, signal: AbortSignal): Promise<ArchiveEnd> {
    for (;;) {
      const isOver = this.#isOver()
      let waitMs = STATUS_MS
      try {
        const isLog = await this.#follow(writer, isOver, signal)
        if (isOver) {
          await writer.add(this.#position.rest(), () => undefined, signal)
          return isLog ? 'whole' : this.#lastWord()
        }
        // The container has ended, or the stream broke: the pod's status will show which.
      } catch (error) {
        if (signal.aborted || error instanceof PartExists) throw error
        if (error === overdue) continue
        if (error instanceof NotFound || (isOver && isUnknownContainer(error))) {
          await writer.add(this.#position.rest(), () => undefined, signal)
          return this.#lastWord()
        }
        this.#watching.onTrouble(error)
        waitMs = this.#backoff.next()
      }
      await this.#changeOrTime(waitMs, signal)
    }
  }

  /** Reads one stream to its end; returns whether it was a log and not a message of the kubelet. */
  async #follow(writer: ArchiveWriter, isOver: boolean, signal: AbortSignal): Promise<boolean> {
    const { client, redactor } = this.#deps
    const stream = linkedAbortController(signal)
    const linger = isOver ? () => undefined : this.#endOnceOver(stream)
    try {
      const part = { follow: !isOver, limitBytes: Infinity, since: this.#position.since }
      const log = await openLog({ client }, this.#pod, part, stream.signal)
      const isFirst = part.since === undefined
      this.#position.reopened()
      const beginning = isFirst ? new Beginning() : undefined
      let isLog: boolean | undefined
      for await (const lines of redacted(log, redactor())) {
        isLog ??= isLogLine(lines)
        if (isLog) this.#hasEnded = false
        beginning?.add(lines, () => mayLackBeginning(beginning.bytes(), logStart(this.#pod)) && writer.lacksBeginning())
        await this.#write(writer, this.#position.take(lines), signal)
      }
      this.#backoff.healthy()
      if (isLog !== false) this.#hasEnded = true
      return isLog ?? true
    } catch (error) {
      throw stream.signal.reason === overdue ? overdue : error
    } finally {
      linger()
      stream.release()
    }
  }

  #lastWord(): ArchiveEnd {
    return this.#hasEnded ? 'whole' : 'cut'
  }

  async #write(writer: ArchiveWriter, lines: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#position.gaps > this.#gaps) {
      this.#gaps = this.#position.gaps
      const stamp = lines.toString('latin1', 0, Math.max(0, lines.indexOf(' ')))
      await writer.add(Buffer.from(lostLine(stamp)), () => undefined, signal)
    }
    await writer.add(lines, () => this.#position.snapshot(), signal)
  }

  /** Stores the last part. After the reading was ended early there is one short try. */
  async #finish(writer: ArchiveWriter, end: ArchiveEnd, signal: AbortSignal): Promise<void> {
    const { enough } = this.#watching
    if (!enough.aborted) {
      const patient = linkedAbortController(signal, enough)
      try {
        return await writer.end(end, patient.signal)
      } catch (error) {
        if (signal.aborted || !enough.aborted || error instanceof PartExists) throw error
      } finally {
        patient.release()
      }
    }
    await withTimeout({ clock: this.#deps.clock, ms: LAST_STORE_MS }, signal, (limited) => writer.end(end, limited))
  }

  /** Ends a stream that is still open some time after its container has ended: its node may be gone. */
  #endOnceOver(stream: { abort: (reason: unknown) => void }): () => void {
    let cancel: (() => void) | undefined
    const look = (): void => {
      if (!this.#isOver()) return
      cancel ??= this.#deps.clock.setTimer(() => stream.abort(overdue), LINGER_MS)
    }
    const stop = this.#watching.onChange(look)
    look()
    return () => {
      stop()
      cancel?.()
    }
  }

  /** Waits for a change of the pod, or for so long. */
  async #changeOrTime(ms: number, signal: AbortSignal): Promise<void> {
    const wait = linkedAbortController(signal)
    const stop = this.#watching.onChange(() => wait.abort(new Error('the pod has changed')))
    try {
      await this.#deps.clock.sleep(ms, wait.signal)
    } catch {
      signal.throwIfAborted()
    } finally {
      stop()
      wait.release()
    }
  }

  /** Whether no more lines come: the container has ended, or the pod is gone. */
  #isOver(): boolean {
    const now = this.#deps.caches.pods.get(keyOf(this.#pod))
    return now?.metadata.uid !== this.#pod.metadata.uid || ['exited', 'lost'].includes(podState(now).is)
  }

  /** Tries until it succeeds. */
  async #insist<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const backoff = this.#newBackoff()
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (signal.aborted || error instanceof PartExists) throw error
        this.#watching.onTrouble(error)
        await this.#deps.clock.sleep(backoff.next(), signal)
      }
    }
  }

  #newBackoff(): Backoff {
    return new Backoff({ clock: this.#deps.clock, random: Math.random, minMs: 100, maxMs: 5000, resetAfterMs: 10_000 })
  }
}

/** The first bytes of a log, for as long as they are looked at. */
class Beginning {
  #chunks: Buffer[] = []
  #length = 0
  #isJudged = false

  add(chunk: Buffer, judge: () => void): void {
    if (this.#isJudged) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < BEGINNING_BYTES) return
    this.#isJudged = true
    judge()
    this.#chunks = []
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
