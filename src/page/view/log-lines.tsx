import type { RefObject } from 'preact'
import { memo } from 'preact/compat'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type LogLine, spansOf } from '../model/log-line.ts'
import { blocksBetween } from '../model/log-window.ts'
import { jobFragment } from '../model/route.ts'

interface Options {
  isWrapped: boolean
  hasTimes: boolean
  isFollowing: boolean
}

interface LinesProps {
  jobId: string
  lines: readonly LogLine[]
  /** The line to show: of the address, or of the search. */
  target: number | undefined
  /** What is searched. */
  text: string
  options: Options
  onScrollUp: () => void
}

/** Lines of a block, which is drawn as a whole. */
const BLOCK = 100

/** Height of a line that is not wrapped, as in the style sheet. */
const LINE = 20

/** The lines in view, and some around them; a block that was drawn once keeps its height. */
export function LogLines({ jobId, lines, target, text, options, onScrollUp }: LinesProps) {
  const { isWrapped, hasTimes, isFollowing } = options
  const box = useRef<HTMLDivElement>(null)
  const measured = useRef(new Map<number, number>())
  const view = useScroll(box, () => measured.current.clear())
  const blocks = Array.from({ length: Math.ceil(lines.length / BLOCK) }, (_, index) => index)
  const sizeOf = (index: number): number => Math.min(BLOCK, lines.length - index * BLOCK)
  const heights = blocks.map((index) => measured.current.get(index) ?? sizeOf(index) * LINE)
  const { first, end, before, after } = blocksBetween(heights, view.top - 400, view.top + view.height + 400)

  useLayoutEffect(() => measured.current.clear(), [isWrapped, hasTimes, jobId])
  useLayoutEffect(() => {
    for (const element of box.current?.querySelectorAll<HTMLElement>('.block') ?? []) {
      const index = Number(element.dataset['index'])
      if (sizeOf(index) === BLOCK) measured.current.set(index, element.offsetHeight)
    }
    const { current } = box
    if (isFollowing && current !== null) current.scrollTop = current.scrollHeight
  })
  useEffect(() => {
    if (target === undefined) return undefined
    return show(box.current, target, () => heightBefore(heights, lines, target))
  }, [target, text, lines.length > (target ?? 0)])

  return (
    <div
      ref={box}
      class={`lines${isWrapped ? ' wrapped' : ''}`}
      role="log"
      aria-label="Lines of the log"
      aria-live="off"
      tabIndex={0}
      onWheel={({ deltaY }) => deltaY < 0 && onScrollUp()}
      onKeyDown={({ key }) => ['ArrowUp', 'PageUp', 'Home'].includes(key) && onScrollUp()}
      onTouchMove={onScrollUp}
    >
      <div style={{ height: `${before}px` }} />
      {blocks.slice(first, end).map((index) => (
        <Block
          key={index}
          index={index}
          jobId={jobId}
          lines={lines}
          size={sizeOf(index)}
          firstNumber={lines[index * BLOCK]?.number ?? 0}
          target={target !== undefined && inBlock(lines, index, target) ? target : undefined}
          text={text}
          hasTimes={hasTimes}
        />
      ))}
      <div style={{ height: `${after}px` }} />
    </div>
  )
}

/** Where a box is scrolled to, and how high it is. */
function useScroll(box: RefObject<HTMLElement | null>, onResize: () => void): { top: number; height: number } {
  const [view, setView] = useState({ top: 0, height: 600 })
  useLayoutEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const look = (): void => setView({ top: current.scrollTop, height: current.clientHeight })
    const observer = new ResizeObserver(() => {
      onResize()
      look()
    })
    observer.observe(current)
    current.addEventListener('scroll', look, { passive: true })
    return () => {
      observer.disconnect()
      current.removeEventListener('scroll', look)
    }
  }, [])
  return view
}

function inBlock(lines: readonly LogLine[], index: number, target: number): boolean {
  const first = lines[index * BLOCK]?.number ?? 0
  return target >= first && target < first + BLOCK
}

function heightBefore(heights: readonly number[], lines: readonly LogLine[], target: number): number {
  const place = target - (lines[0]?.number ?? 1)
  const block = Math.floor(place / BLOCK)
  return heights.slice(0, block).reduce((sum, height) => sum + height, 0) + (place % BLOCK) * LINE
}

/** Scrolls to a line: first near it, so that its block is drawn, then to the line itself. */
function show(box: HTMLElement | null, target: number, guess: () => number): (() => void) | undefined {
  if (box === null) return undefined
  box.scrollTop = Math.max(0, guess() - box.clientHeight / 3)
  const frame = requestAnimationFrame(() => {
    box.querySelector(`[data-line="${target}"]`)?.scrollIntoView({ block: 'center' })
  })
  return () => cancelAnimationFrame(frame)
}

interface BlockProps {
  index: number
  jobId: string
  lines: readonly LogLine[]
  size: number
  firstNumber: number
  target: number | undefined
  text: string
  hasTimes: boolean
}

/** Lines never change: a block is drawn again only if it grew, or is shown in another way. */
const Block = memo(
  ({ index, jobId, lines, size, target, text, hasTimes }: BlockProps) => (
    <div class="block" data-index={index}>
      {lines.slice(index * BLOCK, index * BLOCK + size).map((line) => (
        <Line
          key={line.number}
          line={line}
          jobId={jobId}
          isTarget={line.number === target}
          text={text}
          hasTimes={hasTimes}
        />
      ))}
    </div>
  ),
  (last, next) =>
    last.size === next.size &&
    last.firstNumber === next.firstNumber &&
    last.target === next.target &&
    last.text === next.text &&
    last.hasTimes === next.hasTimes &&
    last.jobId === next.jobId,
)

interface LineProps {
  line: LogLine
  jobId: string
  isTarget: boolean
  text: string
  hasTimes: boolean
}

function Line({ line, jobId, isTarget, text, hasTimes }: LineProps) {
  return (
    <div class={`line${isTarget ? ' target' : ''}`} data-line={line.number}>
      <a href={jobFragment(jobId, line.number)} aria-label={`Line ${line.number}`}>
        {line.number}
      </a>
      {hasTimes && <time>{line.time.slice(11, 23)}</time>}
      <span>
        {spansOf(line).map(({ text: part, classes, colour, background }, index) => (
          <span
            key={index}
            class={classes === '' ? undefined : classes}
            style={colour === undefined && background === undefined ? undefined : { color: colour, background }}
          >
            <Marked part={part} text={text} />
          </span>
        ))}
      </span>
    </div>
  )
}

/** A part of a line, with what is searched marked. */
function Marked({ part, text }: { part: string; text: string }) {
  if (text === '') return <>{part}</>
  const pieces: (string | { found: string })[] = []
  const lower = part.toLowerCase()
  const wanted = text.toLowerCase()
  let from = 0
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    pieces.push(part.slice(from, at), { found: part.slice(at, at + wanted.length) })
    from = at + wanted.length
  }
  pieces.push(part.slice(from))
  return <>{pieces.map((piece) => (typeof piece === 'string' ? piece : <mark>{piece.found}</mark>))}</>
}
