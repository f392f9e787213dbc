/**
 * Stands between the attempts of one streamed request and its client. Until the first frame that binds anybody, it holds
 * the upstream's bytes back, so that a failure can fall through to the next provider unseen (stages S0 and S1); from then
 * on every byte passes as it came (S2, S3). While it holds, the client gets its headers after `commitHeadersAfterMs` and a
 * comment every `keepAliveMs`, because it gives up on silence (docs/adr/0008).
 */
import type { ClientResponse, HeaderList } from '#actors/ports.ts'
import type { Watch } from '#actors/timekeeper.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import { type AnthropicStream, anthropicStream, isQuiet, readFrame } from '#domain/dialect/anthropic-stream.ts'
import { cutFrames, type FrameCutter, frameCutter, unfinished } from '#domain/dialect/sse-frames.ts'
import type { Stage } from '#domain/events.ts'

const text = new TextEncoder()
const KEEP_ALIVE = text.encode(': keep-alive\n\n')
const MESSAGE_STOP = text.encode('event: message_stop\ndata: {"type":"message_stop"}\n\n')
/** Comments and pings behind the end; what comes beyond is nothing that anybody waits for. */
const MAX_TAIL_BYTES = 64 * 1024
/** More than any prelude; a stream that says this much before its first content is let through. */
const MAX_HELD_BYTES = 1024 * 1024

const SSE_HEADERS: HeaderList = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
]

/** What a chunk did to the attempt. */
export type GateEvent = 'more' | 'pause' | 'stopped' | 'error' | 'malformed'

export interface GateTiming {
  readonly startedAt: number
  readonly commitHeadersAfterMs: number
  readonly keepAliveMs: number
}

/** One request's gate. `ownHeaders` go out with every response (`request-id`, `x-signalbox-…`). */
export class StreamGate {
  readonly #client: ClientResponse
  readonly #timing: GateTiming
  /** Empty once they are of no use any more. */
  #earlyHeaders: HeaderList
  readonly #now: () => number
  #lastByteAt: number
  #held: Uint8Array[] = []
  #heldBytes = 0
  #open = false
  #hold = true
  #relayed = false
  #headers: { readonly status: number; readonly headers: HeaderList } | undefined
  #tail: Uint8Array[] = []
  #behindBytes = 0
  #cutter: FrameCutter = frameCutter()
  /** What has been read of the current attempt's stream. */
  reading: AnthropicStream = anthropicStream()
  stage: Stage = 'S0'
  /** Whether the last chunk brought more than pings and comments. */
  progressed = false
  /** What came behind the end is no part of the answer, and nothing of what comes now. */
  ended = false
  /** Epoch ms of the current attempt's first content. */
  firstContentAt: number | undefined

  constructor(client: ClientResponse, timing: GateTiming, earlyHeaders: HeaderList, now: () => number) {
    this.#client = client
    this.#timing = timing
    this.#earlyHeaders = earlyHeaders
    this.#now = now
    this.#lastByteAt = timing.startedAt
  }

  /** Keeps the client company while nothing may be relayed; set for the whole request. */
  readonly watch: Watch = {
    due: () =>
      this.#open
        ? Number.POSITIVE_INFINITY
        : this.#client.started()
          ? this.#lastByteAt + this.#timing.keepAliveMs
          : this.#timing.startedAt + this.#timing.commitHeadersAfterMs,
    fire: (now) => {
      if (!this.#client.started()) this.#client.start(200, [...SSE_HEADERS, ...this.#earlyHeaders])
      if (this.stage === 'S0') this.stage = 'S1'
      this.#client.write(KEEP_ALIVE)
      this.#lastByteAt = now
    },
  }

  /** Begins an attempt. Without `hold` there is nobody to fall back to, so bytes pass from the first on. */
  begin(status: number, headers: HeaderList, hold: boolean): void {
    this.reset()
    this.#headers = { status, headers }
    this.#hold = hold
  }

  /** Forgets the attempt before. */
  reset(): void {
    this.#headers = undefined
    this.#held = []
    this.#heldBytes = 0
    this.#tail = []
    this.#behindBytes = 0
    this.ended = false
    this.#cutter = frameCutter()
    this.reading = anthropicStream()
    this.firstContentAt = undefined
    this.stage = this.#client.started() ? 'S1' : 'S0'
  }

  /** True when the client has seen bytes of the current attempt. */
  get relayed(): boolean {
    return this.#relayed
  }

  /** True once anything of the current attempt may have reached the client, headers included. */
  get opened(): boolean {
    return this.#open
  }

  /** The bytes held back so far, for an error that is passed on whole. */
  heldBytes(): Uint8Array {
    return concatBytes(this.#held)
  }

  /** Takes one chunk of the upstream's stream. */
  take(chunk: Uint8Array): GateEvent {
    let binds = !this.#hold || this.#heldBytes + chunk.length > MAX_HELD_BYTES
    let stopAt = -1
    let errorAt = -1
    let wholeUntil = 0
    /** Just after the last frame of the answer, in a chunk that has its end. */
    let endAt = 0
    const isBehind = this.#tail.length > 0
    this.progressed = false
    const ok = cutFrames(this.#cutter, chunk, (frame, end) => {
      wholeUntil = end
      if (this.ended) return
      if (isBehind || stopAt !== -1 || errorAt !== -1) {
        // Only what says nothing may stand behind the end: a second answer would be taken for a part of this one.
        if (!isQuiet(frame)) this.ended = true
        else if (isBehind) this.#keepBehind(frame)
        else endAt = end
        return
      }
      const kind = readFrame(this.reading, frame)
      if (kind !== 'quiet') this.progressed = true
      // An answer that goes on behind its stop reason is not complete until it gives another.
      if (this.stage === 'S3' && !this.reading.isCounted) this.stage = 'S2'
      if (kind === 'quiet' || kind === 'prelude') return
      endAt = end
      if (kind === 'error') {
        errorAt = Math.max(0, end - frame.length)
        return
      }
      binds = true
      this.firstContentAt ??= this.#now()
      if (kind === 'stop') stopAt = Math.max(0, end - frame.length)
      else if (kind === 'finish') this.stage = 'S3'
      else if (this.stage !== 'S3') this.stage = 'S2'
    })
    if (isBehind) {
      if (!ok || unfinished(this.#cutter) > MAX_TAIL_BYTES) this.ended = true
      return 'more'
    }
    if (!ok || this.reading.malformed) return 'malformed'

    if (errorAt !== -1 && !this.#open && !binds) {
      this.#keep(chunk.subarray(0, endAt))
      return 'error'
    }
    if (!this.#open && !binds) {
      this.#keep(chunk)
      return 'more'
    }
    // The chunk with message_stop waits whole for the commit when the client has content already: a write less, and what
    // stands before the last frame in it is no news to anybody.
    const cut = stopAt !== -1 ? (this.#relayed ? 0 : stopAt) : errorAt
    if (cut !== -1) {
      // Nothing of the chunk comes before the frame, so what is held after the stop reason is the frame's beginning.
      if (cut === 0 && this.#open) this.#tail = this.#takeHeld()
      else this.#relay(chunk.subarray(0, cut))
      keepPiece(this.#tail, chunk.subarray(cut, endAt))
      return stopAt !== -1 ? 'stopped' : 'error'
    }
    if (this.stage !== 'S3') return this.#relay(chunk) ? 'more' : 'pause'
    // From here on whole frames only: if the upstream breaks off in one, the response can still be completed.
    const flowing = wholeUntil === 0 || this.#relay(chunk.subarray(0, wholeUntil))
    if (wholeUntil < chunk.length) this.#keep(chunk.subarray(wholeUntil))
    return flowing ? 'more' : 'pause'
  }

  /** Ends the response after the outcome is committed: the rest of the upstream's bytes, then the end. */
  release(): void {
    this.#relay(new Uint8Array(0))
    this.#client.end(concatBytes(this.#tail))
  }

  /** Ends a response whose answer was complete when the upstream broke off before its last frame (stage S3). */
  complete(): void {
    this.#takeHeld()
    this.#relay(MESSAGE_STOP)
    this.#client.end()
  }

  /** Breaks the response off, so that the client applies its own rule for lost connections. */
  breakOff(): void {
    this.#client.destroy()
  }

  onDrain(listener: () => void): void {
    this.#client.onDrain(listener)
  }

  #keep(chunk: Uint8Array): void {
    keepPiece(this.#held, chunk)
    this.#heldBytes += chunk.length
  }

  #keepBehind(frame: Uint8Array): void {
    this.#behindBytes += frame.length
    if (this.#behindBytes > MAX_TAIL_BYTES) this.ended = true
    else keepPiece(this.#tail, frame)
  }

  #takeHeld(): Uint8Array[] {
    const held = this.#held
    this.#held = []
    return held
  }

  #relay(chunk: Uint8Array): boolean {
    if (!this.#client.started() && this.#headers !== undefined) {
      this.#client.start(this.#headers.status, this.#headers.headers)
    }
    if (!this.#open) {
      // Nothing that only the beginning needs stays for as long as the stream lasts.
      this.#open = true
      this.#headers = undefined
      this.#earlyHeaders = []
    }
    let flowing = true
    if (this.#held.length > 0) {
      flowing = this.#client.write(concatBytes([...this.#takeHeld(), chunk]))
      this.#relayed = true
    } else if (chunk.length > 0) {
      flowing = this.#client.write(chunk)
      this.#relayed = true
    }
    return flowing
  }
}
