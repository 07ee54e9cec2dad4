import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

interface RowsProps<T> {
  rows: readonly T[]
  keyOf: (row: T) => string
  row: (row: T, index: number) => ComponentChildren
  label: string
  head: ComponentChildren
}

/** Rows that are drawn outside of the visible ones. */
const MARGIN = 8

/** How far each table was scrolled when it was left: whoever comes back from one row goes on with the next. */
const places = new Map<string, number>()

/** A table that draws only its visible rows. They all have the height that the style sheet gives them. */
export function VirtualRows<T>({ rows, keyOf, row, label, head }: RowsProps<T>) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 800, rowHeight: 52 })
  useLayoutEffect(() => {
    const { current } = box
    if (current === null) return undefined
    const look = (): void => {
      const rowHeight = Number.parseFloat(getComputedStyle(current).getPropertyValue('--row')) || 52
      setView({ top: current.scrollTop, height: current.clientHeight, rowHeight })
    }
    const observer = new ResizeObserver(look)
    observer.observe(current)
    current.addEventListener('scroll', look, { passive: true })
    current.scrollTop = places.get(label) ?? 0
    look()
    return () => {
      places.set(label, current.scrollTop)
      observer.disconnect()
      current.removeEventListener('scroll', look)
    }
  }, [])
  const { top, height, rowHeight } = view
  const first = Math.max(0, Math.min(rows.length, Math.floor(top / rowHeight)) - MARGIN)
  const shown = rows.slice(first, Math.ceil((top + height) / rowHeight) + MARGIN)
  return (
    <div class="rows">
      <div
        class="rows-box"
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        ref={box}
        tabIndex={0}
        onKeyDown={moveFocus}
      >
        {head}
        <div class="rows-all" role="rowgroup" style={{ height: `${rows.length * rowHeight}px` }}>
          {shown.map((each, index) => (
            <div
              key={keyOf(each)}
              class="row"
              role="row"
              aria-rowindex={first + index + 2}
              style={{ transform: `translateY(${(first + index) * rowHeight}px)` }}
            >
              {row(each, first + index)}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

const steps: Readonly<Record<string, number>> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }

/** Arrow keys, j and k go from the link of one row to that of the next. */
function moveFocus(event: KeyboardEvent): void {
  const step = steps[event.key]
  const { currentTarget, target } = event
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return
  if (!(currentTarget instanceof HTMLElement) || !(target instanceof HTMLElement)) return
  const links = [...currentTarget.querySelectorAll<HTMLElement>('.row a')]
  const box = currentTarget.getBoundingClientRect()
  const at = links.indexOf(target)
  const visible = links.findIndex((link) => link.getBoundingClientRect().top >= box.top)
  const next = links[at < 0 ? visible : at + step]
  if (next === undefined) return
  event.preventDefault()
  next.focus({ preventScroll: true })
  next.closest('.row')?.scrollIntoView({ block: 'nearest' })
}
