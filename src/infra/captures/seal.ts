/**
 * What a chunk of captured text is known by, and how it lies on the disk: with a key by a keyed digest, which tells nobody what it
 * is of, and encrypted; without one by its SHA-256, as it is.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  scryptSync,
} from 'node:crypto'

export interface Seal {
  /** 32 bytes; equal for equal texts. */
  readonly digest: (text: Uint8Array) => Buffer
  /** @param digest of the text that it is made for; it opens with no other */
  readonly close: (data: Uint8Array, digest: Uint8Array) => Uint8Array
  /** Undefined: it was changed, or closed with another key. */
  readonly open: (closed: Uint8Array, digest: Uint8Array) => Uint8Array | undefined
}

export const plainSeal: Seal = {
  digest: (text) => createHash('sha256').update(text).digest(),
  close: (data) => data,
  open: (closed) => closed,
}

const KEY_BYTES = 32
/** Of AES-GCM, as NIST SP 800-38D has it. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** @param secret 32 bytes in base64, or a passphrase @param salt of the file, for passphrases */
export const keyedSeal = (secret: string, salt: Uint8Array): Seal => {
  const root = keyBytes(secret) ?? scryptSync(secret, salt, KEY_BYTES)
  const keyFor = (use: string): Buffer => Buffer.from(hkdfSync('sha256', root, salt, `signalbox captures ${use}`, 32))
  const encryption = keyFor('encryption')
  const digests = keyFor('digests')
  return {
    digest: (text) => createHmac('sha256', digests).update(text).digest(),
    close: (data, digest) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, encryption, nonce).setAAD(digest)
      return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()])
    },
    open: (closed, digest) => {
      const bytes = Buffer.from(closed.buffer, closed.byteOffset, closed.length)
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const cipher = createDecipheriv(CIPHER, encryption, bytes.subarray(0, NONCE_BYTES))
        .setAAD(digest)
        .setAuthTag(bytes.subarray(-TAG_BYTES))
      const opened = cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      try {
        return Buffer.concat([opened, cipher.final()])
      } catch {
        // Node tells a wrong tag by an error without a code.
        return undefined
      }
    },
  }
}

const keyBytes = (secret: string): Buffer | undefined => {
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(secret)) return undefined
  const bytes = Buffer.from(secret, 'base64')
  return bytes.length === KEY_BYTES ? bytes : undefined
}
