/**
 * What the answer to a chat request depends on, read before the request is checked: a refusal too has a form.
 */
import { isObject, parseJson } from '#infra/simulator/json.ts'

export interface Peek {
  readonly model: string
  readonly streams: boolean
  readonly includeUsage: boolean
}

export const peek = (bytes: Uint8Array): Peek => {
  const json = parseJson(bytes)
  if (!isObject(json)) return { model: 'unknown', streams: false, includeUsage: false }
  return {
    model: typeof json.model === 'string' ? json.model : 'unknown',
    streams: json.stream === true,
    includeUsage: isObject(json.stream_options) && json.stream_options.include_usage === true,
  }
}
