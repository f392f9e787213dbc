/** A log that a flag names. */
import { resolve } from 'node:path'

export type LogPlace =
  | { readonly _tag: 'Sqlite'; readonly url: string; readonly path: string }
  | { readonly _tag: 'Postgres'; readonly url: string }

/** Undefined: it names none. */
export const parseLogPlace = (text: string): LogPlace | undefined => {
  if (/^postgres(ql)?:/i.test(text) && (URL.parse(text)?.pathname.slice(1) ?? '') !== '') {
    return { _tag: 'Postgres', url: text }
  }
  const [, file] = /^sqlite:(?!:memory:$)(.+)$/.exec(text) ?? []
  if (file === undefined) return undefined
  const path = resolve(file)
  return { _tag: 'Sqlite', url: `sqlite:${path}`, path }
}

/** For people: without the password, and without what follows the name of the database. */
export const shownPlace = (place: LogPlace): string => {
  const url = place._tag === 'Postgres' ? URL.parse(place.url) : null
  if (url === null) return place.url
  return `postgres://${url.username === '' ? '' : `${url.username}@`}${url.host}${url.pathname}`
}

export const isSamePlace = (a: LogPlace, b: LogPlace): boolean => identityOf(a) === identityOf(b)

const DEFAULT_PORT = '5432'

const identityOf = (place: LogPlace): string => {
  const url = place._tag === 'Postgres' ? URL.parse(place.url) : null
  return url === null ? place.url : `${url.hostname}:${url.port || DEFAULT_PORT}${url.pathname}`
}
