/**
 * Where one is: a view, what it is about, and its settings, all in the fragment of the address, so that every view of every
 * moment has a link. `#/requests/req_…`, `#/providers?at=2026-11-25T14:03:00Z`.
 */
import { computed, signal } from '@preact/signals'
import { isoSecondOf } from './format.ts'

export const VIEWS = ['overview', 'providers', 'requests', 'costs', 'events', 'routing', 'settings'] as const
export type View = (typeof VIEWS)[number] | 'sessions'

export interface Place {
  readonly view: View
  /** Id of the request or the session. */
  readonly id: string | null
  readonly query: URLSearchParams
}

const isView = (name: string): name is View => name === 'sessions' || VIEWS.some((view) => view === name)

export const placeOf = (hash: string): Place => {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?')
  const [name = '', id] = path.split('/')
  return {
    view: isView(name) ? name : 'overview',
    id: id === undefined || id === '' ? null : decoded(id),
    query: new URLSearchParams(query),
  }
}

/** Of a fragment that somebody has written by hand, or broken, as it stands. */
export const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const place = signal<Place>(placeOf(location.hash))

addEventListener('hashchange', () => {
  // Another kind of fragment, e.g. of a link within the page, is no place.
  if (location.hash === '' || location.hash.startsWith('#/')) place.value = placeOf(location.hash)
})

export const hrefOf = (view: View, id?: string | null, query?: URLSearchParams): string => {
  const path = id === undefined || id === null ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`
  // Colons and slashes are plain in a fragment, and times are easier to read with them.
  const text = query?.toString().replaceAll('%3A', ':').replaceAll('%2F', '/') ?? ''
  return text === '' ? path : `${path}?${text}`
}

/** Changes settings of the view; null takes one away. The way back does not stop at each of them. */
export const setQuery = (change: Readonly<Record<string, string | null>>): void => {
  const { view, id, query } = place.value
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') next.delete(name)
    else next.set(name, value)
  }
  history.replaceState(null, '', hrefOf(view, id, next))
  place.value = { view, id, query: next }
}

/** The past moment that is looked at (epoch ms); null: now. */
export const moment = computed<number | null>(() => {
  const at = Date.parse(place.value.query.get('at') ?? '')
  return Number.isNaN(at) ? null : at
})

export const setMoment = (at: number | null): void => setQuery({ at: at === null ? null : isoSecondOf(at) })
