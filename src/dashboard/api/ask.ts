/**
 * One call of the admin API. The page and the API come from the same release, so what comes is taken for what the types say.
 */
import { dropToken, token } from '../token.ts'

/** `NotThere`: this release has no such path, or knows no such thing; the message says which. */
export type Answer<A> =
  | { readonly _tag: 'Ok'; readonly value: A }
  | { readonly _tag: 'NotThere'; readonly message: string }
  | { readonly _tag: 'Refused'; readonly status: number; readonly message: string }
  | { readonly _tag: 'Unreachable' }

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly json?: unknown
  readonly query?: Query
  readonly signal?: AbortSignal
}
export type Query = Readonly<Record<string, string | number | readonly string[] | null | undefined>>

const UNAUTHORIZED = 401
const NOT_FOUND = 404
const TOO_MANY = 429

export const ask = async <A>(path: string, call: Call = {}): Promise<Answer<A>> => {
  const { method = 'GET', json, signal } = call
  let response: Response
  let text: string
  try {
    response = await fetch(`${path}${queryText(call.query)}`, {
      method,
      headers: { ...authorization(), ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(signal === undefined ? {} : { signal }),
    })
    text = await response.text()
  } catch {
    return { _tag: 'Unreachable' }
  }
  const body = parsed(text)
  if (response.ok) return { _tag: 'Ok', value: body as A }
  const message = messageOf(body) ?? `The box answered with status ${response.status}.`
  if (response.status === UNAUTHORIZED) dropToken('This token is not the right one.')
  if (response.status === TOO_MANY) dropToken(message)
  if (response.status === NOT_FOUND) return { _tag: 'NotThere', message }
  return { _tag: 'Refused', status: response.status, message }
}

export const authorization = (): { readonly authorization: string } => ({
  authorization: `Bearer ${token.peek() ?? ''}`,
})

export const queryText = (query: Query = {}): string => {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue
    for (const one of typeof value === 'object' ? value : [value]) params.append(name, String(one))
  }
  const text = params.toString()
  return text === '' ? '' : `?${text}`
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const messageOf = (body: unknown): string | undefined => {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined
  const { error } = body
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined
  return typeof error.message === 'string' ? error.message : undefined
}

/** What to say of an answer that is none. */
export const problemOf = (answer: Exclude<Answer<unknown>, { readonly _tag: 'Ok' }>): string => {
  switch (answer._tag) {
    case 'NotThere':
    case 'Refused':
      return answer.message
    case 'Unreachable':
      return 'The box cannot be reached.'
  }
}
