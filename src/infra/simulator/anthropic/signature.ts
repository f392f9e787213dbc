/**
 * Signatures of simulated Claude thinking: base64 of a marked payload with a checksum, so that every simulated Claude
 * recognises what any of them has signed, and nothing else. Like the real ones they begin with `Eq` and are opaque.
 */
import { letters, seedOf } from '#infra/simulator/draws.ts'

/** The first bytes of a real signature: base64 `EqQB`. The whole is 61 bytes, so that it ends in `==`. */
const HEAD = Buffer.from([0x12, 0xa4, 0x01])
const MARK = 'simulated-claude:'
const NONCE_LENGTH = 33
const CHECK_LENGTH = 8

export const makeSignature = (seed: number, index: number): string => {
  const body = `${MARK}${letters(NONCE_LENGTH, seed, index, 7)}`
  return Buffer.concat([HEAD, Buffer.from(body + checkOf(body))]).toString('base64')
}

/** True for what `makeSignature` made, down to the last character. */
export const isSimulatedSignature = (signature: string): boolean => {
  const bytes = Buffer.from(signature, 'base64')
  if (bytes.toString('base64') !== signature || !bytes.subarray(0, HEAD.length).equals(HEAD)) return false
  const text = bytes.subarray(HEAD.length).toString('latin1')
  const body = text.slice(0, -CHECK_LENGTH)
  return (
    text.length === MARK.length + NONCE_LENGTH + CHECK_LENGTH &&
    body.startsWith(MARK) &&
    checkOf(body) === text.slice(-CHECK_LENGTH)
  )
}

const checkOf = (body: string): string => seedOf(body).toString(16).padStart(CHECK_LENGTH, '0')
