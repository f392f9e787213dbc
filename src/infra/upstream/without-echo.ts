/**
 * Some servers repeat the credential that they refuse (`Incorrect API key provided: …`), in the body, in a header, or in the error
 * event of a stream that began well. What Signalbox holds must not reach a client that way. Answers that are no errors pass as
 * they are: in a prompt the same text may stand for good reasons, and bytes of an answer are not ours to change.
 */
import type { UpstreamAnswer, UpstreamListener } from '#actors/ports.ts'

/** A shorter text is a word that may stand anywhere, and no credential that a service gives out. */
const SHORTEST = 16

/** Passes everything on; where an error has the credential, as many asterisks stand instead, so that lengths stay true. */
export const withoutEcho = (listener: UpstreamListener, credential: string): UpstreamListener => {
  if (credential.length < SHORTEST) return listener
  const sought = Buffer.from(credential)
  const stars = '*'.repeat(credential.length)
  const concealed = (answer: UpstreamAnswer): UpstreamAnswer => {
    const body = Buffer.from(answer.body)
    conceal(body, sought)
    return { ...answer, body }
  }
  let isError = false
  const comesToError = errorEvents()
  /** The end of what came, where it may be the beginning of the credential. */
  let held = Buffer.alloc(0)
  return {
    connected: listener.connected,
    headers: (status, headers) => {
      isError = status < 200 || status > 299
      listener.headers(
        status,
        headers.map(([name, value]) => [name, value.replaceAll(credential, stars)]),
      )
    },
    data: (chunk) => {
      // What follows its event in a stream is part of the error.
      isError ||= comesToError(chunk)
      if (!isError) return listener.data(chunk)
      const bytes = Buffer.concat([held, chunk])
      conceal(bytes, sought)
      const kept = beginningAtEnd(bytes, sought)
      held = bytes.subarray(bytes.length - kept)
      return kept === bytes.length || listener.data(bytes.subarray(0, bytes.length - kept))
    },
    end: () => {
      if (held.length > 0) listener.data(held)
      listener.end()
    },
    fail: (reason, answer) => listener.fail(reason, answer && concealed(answer)),
  }
}

const conceal = (bytes: Buffer, sought: Buffer): void => {
  for (let at = bytes.indexOf(sought); at !== -1; at = bytes.indexOf(sought, at))
    bytes.fill('*', at, at + sought.length)
}

const ERROR_EVENT = /event: ?error/
const SEAM = 'event: error'.length - 1

/** Whether an error event begins in a chunk, or between it and the one before. */
const errorEvents = (): ((chunk: Uint8Array) => boolean) => {
  let before = ''
  return (chunk) => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const seam = before + bytes.toString('latin1', 0, SEAM)
    before = (bytes.length < SEAM ? seam : bytes.toString('latin1', bytes.length - SEAM)).slice(-SEAM)
    return ERROR_EVENT.test(seam) || bytes.includes('event: error') || bytes.includes('event:error')
  }
}

/** How many of the last bytes are the first ones of what is sought. */
const beginningAtEnd = (bytes: Buffer, sought: Buffer): number => {
  for (let length = Math.min(bytes.length, sought.length - 1); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(sought.subarray(0, length))) return length
  }
  return 0
}
