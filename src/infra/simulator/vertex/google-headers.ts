/**
 * What Google puts on every answer of an API.
 */
import type { HeaderList } from '#actors/ports.ts'

export const GOOGLE_JSON = 'application/json; charset=UTF-8'

export const GOOGLE_HEADERS: HeaderList = [
  ['server', 'scaffolding on HTTPServer2'],
  ['vary', 'Origin, X-Origin, Referer'],
  ['x-content-type-options', 'nosniff'],
]
