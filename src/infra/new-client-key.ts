/**
 * Makes client keys: `sbx_` and 32 base-62 characters, 190 random bits, which nobody guesses; so a plain digest of one may lie
 * about, and no slow hash is needed.
 */
import { createHash, randomInt } from 'node:crypto'
import { Redacted } from 'effect'
import type { MadeKey } from '#actors/ports.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KEY_CHARACTERS = 32
const ID_CHARACTERS = 8

const randomText = (length: number): string =>
  Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('')

export const newClientKey = (): MadeKey => {
  const secret = `sbx_${randomText(KEY_CHARACTERS)}`
  return {
    keyId: `key_${randomText(ID_CHARACTERS)}`,
    secret: Redacted.make(secret, { label: 'client key' }),
    digest: createHash('sha256').update(secret).digest('hex'),
  }
}
