import type { ComponentChildren } from 'preact'

/** What there is in place of content, and what to do about it. */
export function Notice(props: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <section class="notice">
      <h2>{props.title}</h2>
      <p>{props.children}</p>
      {props.action !== undefined && <p>{props.action}</p>}
    </section>
  )
}

/** Something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" /> Loading {what}…
    </p>
  )
}

/** A problem beside content that may be old. */
export function Banner({ children }: { children: ComponentChildren }) {
  return (
    <p class="banner" role="status">
      {children}
    </p>
  )
}
