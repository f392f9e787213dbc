/**
 * The assertion with which a service account asks for a token: a JWT signed with RS256 that lives for an hour at most.
 */
import { verify } from 'node:crypto'
import { isObject, type Json, parseJson } from '#infra/simulator/json.ts'

export interface AssertionRules {
  /** PEM */
  readonly publicKey: string | undefined
  /** Epoch ms. */
  readonly now: number
  readonly audiences: readonly string[]
  readonly clientEmail?: string
}

/** Google's description of what is wrong with it, or nothing. */
export const checkAssertion = (assertion: string, rules: AssertionRules): string | undefined => {
  const parts = assertion.split('.')
  const [head = '', payload = '', signature = ''] = parts
  const header = parse(head)
  const claims = parse(payload)
  if (parts.length !== 3 || header === undefined || claims === undefined) return 'Bad Request'
  if (header.alg !== 'RS256') return `Invalid JWT: algorithm ${String(header.alg)} is not supported.`
  const { iss, aud, iat, exp } = claims
  if (typeof iss !== 'string' || (rules.clientEmail !== undefined && iss !== rules.clientEmail)) {
    return 'Invalid grant: account not found'
  }
  if (typeof claims.scope !== 'string' || claims.scope === '') return 'Invalid JWT: scope is missing.'
  if (typeof aud !== 'string' || !rules.audiences.includes(aud)) return 'Invalid JWT: Failed audience check.'
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp > iat + HOUR_S || exp * 1_000 <= rules.now) {
    return 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.'
  }
  const signed =
    rules.publicKey !== undefined &&
    verify('RSA-SHA256', Buffer.from(`${head}.${payload}`), rules.publicKey, Buffer.from(signature, 'base64url'))
  return signed ? undefined : 'Invalid JWT Signature.'
}

const HOUR_S = 3_600

const parse = (part: string): Json | undefined => {
  const json = parseJson(Buffer.from(part, 'base64url'))
  return isObject(json) ? json : undefined
}
