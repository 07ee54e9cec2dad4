import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { type LogState, readLog } from '../io/log-stream.ts'
import { type LogLine, plainText } from '../model/log-line.ts'
import { LogLines } from './log-lines.tsx'

/** Most lines that are kept; the download of a longer log begins later, too. */
const MOST_LINES = 200_000

interface LogProps {
  id: string
  /** The line of the address. */
  line: number | undefined
  isQueued: boolean
}

/** The log of a job, which goes on as long as the job. */
export function LogPanel({ id, line, isQueued }: LogProps) {
  const { lines, state, isTruncated } = useLog(id)
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const [isWrapped, setWrapped] = useState(false)
  const [hasTimes, setTimes] = useState(false)
  const [isFollowing, setFollowing] = useState(line === undefined)
  useEffect(() => {
    if (line !== undefined) setFollowing(false)
  }, [line])
  const found = useMemo(() => search(lines, text), [lines, lines.length, text])
  const target = found.length > 0 ? found[at % found.length] : line
  const go = (step: number): void => {
    setFollowing(false)
    setAt((now) => (found.length === 0 ? 0 : (now + step + found.length) % found.length))
  }
  const change = (wanted: string): void => {
    setText(wanted)
    setAt(0)
    if (wanted !== '') setFollowing(false)
  }
  return (
    <section class="log card" aria-label="Log">
      <div class="log-bar">
        <h2>Log</h2>
        <StateOfLog state={state} count={lines.length} />
        <Search text={text} at={at} found={found.length} change={change} go={go} />
        <Toggle name="Follow" isOn={isFollowing} change={setFollowing} />
        <Toggle name="Wrap" isOn={isWrapped} change={setWrapped} />
        <Toggle name="Timestamps" isOn={hasTimes} change={setTimes} />
        <button type="button" class="button" disabled={lines.length === 0} onClick={() => download(id, lines)}>
          Download
        </button>
      </div>
      {isTruncated && (
        <p class="banner">The beginning of this log may be missing: its node keeps about the last 10 MiB.</p>
      )}
      {lines.length === 0 ? (
        <EmptyLog state={state} isQueued={isQueued} />
      ) : (
        <LogLines
          jobId={id}
          lines={lines}
          target={target}
          text={text}
          options={{ isWrapped, hasTimes, isFollowing }}
          onScrollUp={() => setFollowing(false)}
        />
      )}
    </section>
  )
}

interface SearchProps {
  text: string
  /** Which of the found lines is shown. */
  at: number
  found: number
  change: (text: string) => void
  go: (step: number) => void
}

/** Enter goes to the next found line, with Shift to the one before. */
function Search({ text, at, found, change, go }: SearchProps) {
  return (
    <>
      <input
        type="search"
        aria-label="Search the log"
        placeholder="Search"
        value={text}
        onInput={({ currentTarget }) => change(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') go(event.shiftKey ? -1 : 1)
        }}
      />
      {text !== '' && (
        <span class="found" role="status">
          {found === 0 ? 'not found' : `${(at % found) + 1} of ${found.toLocaleString()}`}
        </span>
      )}
    </>
  )
}

interface LogModel {
  lines: LogLine[]
  state: LogState
  isTruncated: boolean
}

/** Reads the log, and draws what has come once per frame. */
function useLog(id: string): LogModel {
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  const model = useRef<LogModel>({ lines: [], state: { is: 'opening' }, isTruncated: false })
  useEffect(() => {
    const leaving = new AbortController()
    let frame = 0
    const changed = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0
        redraw(0)
      })
    }
    const now = model.current
    const listener = {
      onRestart: () => (now.lines = []),
      onLines: (more: readonly LogLine[]) => {
        for (const each of more) now.lines.push(each)
        if (now.lines.length > MOST_LINES * 1.1) now.lines = now.lines.slice(-MOST_LINES)
        changed()
      },
      onState: (state: LogState) => {
        now.state = state
        changed()
      },
      onTruncated: () => (now.isTruncated = true),
    }
    void readLog(id, listener, leaving.signal)
    return () => {
      leaving.abort()
      cancelAnimationFrame(frame)
    }
  }, [id])
  return model.current
}

function search(lines: readonly LogLine[], text: string): number[] {
  if (text === '') return []
  const wanted = text.toLowerCase()
  return lines.filter((line) => plainText(line).toLowerCase().includes(wanted)).map(({ number }) => number)
}

function Toggle({ name, isOn, change }: { name: string; isOn: boolean; change: (isOn: boolean) => void }) {
  return (
    <button type="button" class="button toggle" aria-pressed={isOn} onClick={() => change(!isOn)}>
      {name}
    </button>
  )
}

function StateOfLog({ state, count }: { state: LogState; count: number }) {
  const lines = `${count.toLocaleString()} lines`
  const words = {
    opening: 'opening…',
    following: `${lines}, live`,
    ended: lines,
    unavailable: 'not available',
    failed: state.is === 'failed' ? state.problem : '',
  }
  return (
    <span class={state.is === 'failed' ? 'problem' : 'muted'} role="status">
      {words[state.is]}
    </span>
  )
}

function EmptyLog({ state, isQueued }: { state: LogState; isQueued: boolean }) {
  const words = {
    opening: isQueued ? 'The log begins when the job runs.' : 'Opening the log…',
    following: isQueued ? 'The log begins when the job runs.' : 'The job has printed nothing yet.',
    ended: 'The job printed nothing.',
    unavailable: 'The log is gone with the pod of the job. Pools keep finished pods for finishedPodTTLSeconds.',
    failed: 'The log cannot be read now.',
  }
  return <p class="log-empty">{words[state.is]}</p>
}

/** Offers the lines as a file: with their times and colours, as the API sends them. */
function download(id: string, lines: readonly LogLine[]): void {
  const text = lines.map(({ time, raw }) => `${time === '' ? '' : `${time} `}${raw}\n`)
  const url = URL.createObjectURL(new Blob(text, { type: 'text/plain' }))
  const anchor = document.createElement('a')
  anchor.href = url
  anchor.download = `${id}.log`
  anchor.click()
  URL.revokeObjectURL(url)
}
