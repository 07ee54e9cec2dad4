/** The address below which the page, the API and the events are, without a trailing slash: it ends before `/page/`. */
export const base = new URL('..', import.meta.url).href.replace(/\/+$/, '')

/** The address of the events. */
export const eventsUrl = `${base.replace(/^http/, 'ws')}/events`
