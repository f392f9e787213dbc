/**
 * One attempt at one provider: sends the request, keeps the time limits of each phase, and tells how it ended. A streamed
 * answer flows through the gate as it comes; a whole answer is collected, because its usage and its outcome are recorded
 * before the client gets it. Interruption aborts the upstream at once.
 */
import { Effect } from 'effect'
import type { ClientResponse, Exchange, HeaderList, Upstream, UpstreamAnswer, UpstreamRequest } from '#actors/ports.ts'
import { ProviderError } from '#actors/provider-error.ts'
import type { StreamGate } from '#actors/stream-gate.ts'
import type { Timekeeper, Watch } from '#actors/timekeeper.ts'
import { concatBytes, keepPiece } from '#domain/concat-bytes.ts'
import { readMessage } from '#domain/dialect/anthropic-message.ts'
import type { FailureReason, TimeoutPhase } from '#domain/failure.ts'
import type { TimeoutPolicy } from '#domain/policy.ts'
import { noUsage, type Usage } from '#domain/usage.ts'

/** Whole answers above this are not collected (the API's own limit on requests is 32 MB). */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** Of an error body, this much is kept and passed on. */
const MAX_ERROR_BYTES = 1024 * 1024
/** After message_stop an upstream gets this long to end its stream before we end ours. */
const END_GRACE_MS = 1_000

/** Of a provider's own id of the request so many characters are recorded. */
const LONGEST_ID = 200

export interface AttemptSuccess {
  readonly status: number
  readonly model: string | undefined
  readonly usage: Usage
  readonly stopReason: string | null
  /** By the timekeeper's clock. */
  readonly firstContentAt: number
  readonly responseBytes: number
  readonly upstreamRequestId: string | undefined
  readonly reportedCostUsd: number | undefined
  /** Of the upstream's answer. */
  readonly headers: HeaderList
  /** Gives the client everything but the end of the answer. */
  readonly flow: () => void
  /** Gives the client the end; called once the outcome is committed. */
  readonly release: () => void
}

export interface AttemptInput {
  readonly upstream: Upstream
  readonly request: UpstreamRequest
  /** The gate of a streamed request; undefined for a whole answer. */
  readonly gate: StreamGate | undefined
  readonly client: ClientResponse
  /** Headers for the client, made from the upstream's. */
  readonly clientHeaders: (upstream: HeaderList) => HeaderList
  /** Whether another provider could still take over. */
  readonly hold: boolean
  readonly timeouts: TimeoutPolicy
  /** By the timekeeper's clock: the first byte or an error must be out. */
  readonly deadlineAt: number
  readonly timekeeper: Timekeeper['Service']
  /** Epoch ms. */
  readonly now: () => number
}

const headerOf = (headers: HeaderList, name: string): string | undefined => headers.find(([key]) => key === name)?.[1]

/** Nobody here could read it, and a client could not where the header lies. */
const isEncoded = (headers: HeaderList): boolean =>
  !['', 'identity'].includes(headerOf(headers, 'content-encoding')?.trim().toLowerCase() ?? '')

/** Runs one attempt. Fails with ProviderError; its `mirror` is set once the client has seen bytes of it. */
export const runAttempt = (input: AttemptInput): Effect.Effect<AttemptSuccess, ProviderError> =>
  Effect.callback<AttemptSuccess, ProviderError>((resume) => {
    const { upstream, gate, timeouts, timekeeper } = input
    const { now } = timekeeper
    const startedAt = now()
    let exchange: Exchange | undefined
    let phase: TimeoutPhase = 'connect'
    let phaseSince = startedAt
    let lastByteAt = startedAt
    let lastProgressAt = startedAt
    let paused = false
    let settled = false
    let status = 0
    let headers: HeaderList = []
    let pieces: Uint8Array[] = []
    let bytes = 0
    let stoppedAt: number | undefined

    const upstreamRequestId = (): string | undefined => headerOf(headers, 'request-id')?.slice(0, LONGEST_ID)
    const streaming = (): boolean => gate !== undefined && status >= 200 && status < 300

    const settle = (exit: Effect.Effect<AttemptSuccess, ProviderError>): void => {
      if (settled) return
      settled = true
      timekeeper.remove(watch)
      resume(exit)
    }

    const fail = (reason: FailureReason, answer?: UpstreamAnswer, mirror?: () => void): void => {
      const seen = streaming() && gate?.relayed === true
      settle(
        Effect.fail(
          new ProviderError({
            reason,
            stage: gate?.stage ?? 'S0',
            usage: streaming() ? gate?.reading.usage : undefined,
            upstreamRequestId: upstreamRequestId(),
            headers,
            answer,
            mirror: mirror ?? (seen ? () => gate?.breakOff() : undefined),
          }),
        ),
      )
    }

    const abort = (reason: FailureReason): void => {
      if (settled) return
      exchange?.abort()
      fail(reason)
    }

    const succeedStream = (open: StreamGate, release: () => void): void =>
      settle(
        Effect.succeed({
          status,
          model: open.reading.model,
          usage: open.reading.usage ?? noUsage,
          stopReason: open.reading.stopReason,
          firstContentAt: open.firstContentAt ?? now(),
          responseBytes: bytes,
          upstreamRequestId: upstreamRequestId(),
          reportedCostUsd: open.reading.costUsd,
          headers,
          flow: () => undefined,
          release,
        }),
      )

    /** When the current phase has lasted too long, and the name of the limit. */
    const limit = (): readonly [number, TimeoutPhase] => {
      switch (phase) {
        case 'connect':
          return [startedAt + timeouts.connectMs, 'connect']
        case 'headers':
          // A whole answer sends its headers when it is done, so there they are the progress.
          return [phaseSince + (gate === undefined ? timeouts.progressMs : timeouts.headersMs), 'headers']
        case 'firstContent':
          return [
            Math.min(phaseSince + timeouts.firstContentMs, lastByteAt + timeouts.idleMs),
            lastByteAt + timeouts.idleMs < phaseSince + timeouts.firstContentMs ? 'idle' : 'firstContent',
          ]
        default:
          return lastByteAt + timeouts.idleMs <= lastProgressAt + timeouts.progressMs
            ? [lastByteAt + timeouts.idleMs, 'idle']
            : [lastProgressAt + timeouts.progressMs, 'progress']
      }
    }

    const watch: Watch = {
      due: () => {
        if (stoppedAt !== undefined) return stoppedAt + END_GRACE_MS
        // A client that reads slowly stops the upstream on purpose.
        if (paused) return Number.POSITIVE_INFINITY
        const [at] = limit()
        return phase === 'idle' || gate?.relayed === true ? at : Math.min(at, input.deadlineAt)
      },
      fire: (at) => {
        if (stoppedAt !== undefined) {
          exchange?.abort()
          if (gate !== undefined) succeedStream(gate, () => gate.release())
          return
        }
        if (gate?.stage === 'S3' && streaming()) {
          // The answer is complete but for its last frame, which will not come any more.
          exchange?.abort()
          succeedStream(gate, () => gate.complete())
          return
        }
        const [phaseEnd, name] = limit()
        abort({ _tag: 'Timeout', phase: phaseEnd <= at ? name : 'deadline' })
      },
    }

    const enter = (next: TimeoutPhase): void => {
      phase = next
      phaseSince = now()
      lastByteAt = phaseSince
      lastProgressAt = phaseSince
    }

    const takeStream = (open: StreamGate, chunk: Uint8Array): boolean => {
      const event = open.take(chunk)
      if (event === 'malformed') {
        abort({ _tag: 'MalformedOutput', detail: 'the event stream cannot be read' })
        return true
      }
      if (event === 'error') {
        const reason = upstream.classifyStreamError(open.reading.errorData ?? '', input.now())
        exchange?.abort()
        if (open.relayed || open.opened) fail(reason, undefined, () => open.release())
        else fail(reason, { status, headers, body: open.heldBytes() })
        return true
      }
      if (open.firstContentAt !== undefined) {
        if (phase === 'firstContent') enter('idle')
        if (open.progressed) lastProgressAt = lastByteAt
      }
      if (event === 'stopped') stoppedAt = now()
      if (open.ended) {
        exchange?.abort()
        succeedStream(open, () => open.release())
        return true
      }
      if (event !== 'pause') return true
      paused = true
      open.onDrain(() => {
        paused = false
        enter(phase)
        exchange?.resume()
      })
      return false
    }

    const endStream = (open: StreamGate): void => {
      if (stoppedAt !== undefined) succeedStream(open, () => open.release())
      else if (open.stage === 'S3') succeedStream(open, () => open.complete())
      else fail({ _tag: 'MalformedOutput', detail: 'the event stream ended before its message_stop' })
    }

    const endWhole = (): void => {
      const body = concatBytes(pieces)
      const answer: UpstreamAnswer = { status, headers, body }
      const at = input.now()
      const refusal = upstream.classify(answer, at)
      if (refusal !== undefined) {
        fail(refusal.reason, refusal.answer)
        return
      }
      const message = readMessage(body)
      if (message._tag !== 'Message') {
        fail(
          message._tag === 'Error'
            ? upstream.classifyStreamError(new TextDecoder().decode(body), at)
            : { _tag: 'MalformedOutput', detail: 'the answer is not an Anthropic message' },
        )
        return
      }
      settle(
        Effect.succeed({
          status,
          model: message.model,
          usage: message.usage,
          stopReason: message.stopReason,
          firstContentAt: now(),
          responseBytes: bytes,
          upstreamRequestId: upstreamRequestId(),
          reportedCostUsd: message.costUsd,
          headers,
          flow: () => {
            input.client.start(status, [...input.clientHeaders(headers), ['content-length', String(body.length)]])
            input.client.write(body.subarray(0, -1))
          },
          release: () => input.client.end(body.subarray(-1)),
        }),
      )
    }

    gate?.reset()
    timekeeper.add(watch)
    exchange = upstream.open(input.request, {
      connected: () => enter('headers'),
      headers: (code, list) => {
        status = code
        headers = list
        if (code >= 200 && code < 300 && isEncoded(list)) {
          abort({ _tag: 'MalformedOutput', detail: 'the answer is in an encoding that was not asked for' })
          return
        }
        enter(streaming() ? 'firstContent' : 'idle')
        if (streaming()) gate?.begin(status, input.clientHeaders(headers), input.hold)
      },
      data: (chunk) => {
        if (settled) return true
        bytes += chunk.length
        lastByteAt = now()
        if (gate !== undefined && streaming()) return takeStream(gate, chunk)
        lastProgressAt = lastByteAt
        keepPiece(pieces, chunk)
        if (bytes > (status >= 400 ? MAX_ERROR_BYTES : MAX_ANSWER_BYTES)) {
          if (status >= 400) endWhole()
          else fail({ _tag: 'MalformedOutput', detail: `the answer is larger than ${MAX_ANSWER_BYTES} bytes` })
          exchange?.abort()
        }
        return true
      },
      end: () => {
        if (settled) return
        if (gate !== undefined && streaming()) endStream(gate)
        else endWhole()
      },
      fail: (reason, answer) => {
        if (settled) return
        // What the client needs has arrived: a lost connection after it changes nothing.
        if (gate !== undefined && streaming() && (stoppedAt !== undefined || gate.stage === 'S3')) endStream(gate)
        else fail(reason, answer)
      },
    })
    if (settled) return Effect.void

    return Effect.sync(() => {
      settled = true
      timekeeper.remove(watch)
      exchange?.abort()
      pieces = []
    })
  })
