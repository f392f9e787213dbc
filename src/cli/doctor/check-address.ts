/**
 * Whether a provider's address answers: the name resolves, a connection opens, TLS is good. Through a proxy these are the
 * proxy's affair, so there a request without any credential must be answered, whatever the answer is.
 */
import { connect, isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { Effect, Result } from 'effect'
import { addressOf, failure } from '#cli/doctor/advice.ts'
import { type Finding, limited } from '#cli/doctor/finding.ts'
import { plainGet } from '#cli/doctor/plain-get.ts'
import { type ProxyInBetween, proxyFor } from '#cli/doctor/proxy-for.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { bareHost, isOwnNetwork } from '#infra/upstream/address-kind.ts'
import { guardedLookup, refusedLiteral } from '#infra/upstream/connect-guard.ts'
import { tlsContext } from '#infra/upstream/dispatcher.ts'

export const checkAddress = (provider: ResolvedProvider): Effect.Effect<Finding> =>
  Effect.gen(function* () {
    const files = readFiles(provider)
    if (Result.isFailure(files)) return unusable(provider, files.failure)
    const between = proxyFor(provider, process.env)
    const proxy = between === undefined ? undefined : nameOf(between)
    const looked = yield* Effect.result(
      limited(between === undefined ? dial(provider, files.success) : askThrough(provider)),
    )
    if (Result.isFailure(looked)) {
      const failed = failure('address', looked.failure, { provider, proxy })
      return { ...failed, found: `${addressOf(provider)}: ${failed.found}` }
    }
    const times = Object.entries(looked.success)
    const took = times.map(([name, ms]) => `${NAMES[name]} ${ms} ms`).join(', ')
    return {
      check: 'address',
      result: 'ok',
      found: `${addressOf(provider)}: ${took}${proxy === undefined ? '' : ` through the proxy ${proxy}`}`,
      details: { ...looked.success, proxy: proxy ?? null },
    }
  })

const NAMES: { readonly [name: string]: string } = { dnsMs: 'DNS', tcpMs: 'TCP', tlsMs: 'TLS', answerMs: 'answer' }

const nameOf = ({ host, from }: ProxyInBetween): string => (host === undefined ? `of ${from}` : `${host} (${from})`)

/** Milliseconds of each step; a step that is not needed is missing. */
type Times = { readonly [step: string]: number }

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'

/** What the files of `tls` make; the code of the error when they cannot be used. */
const readFiles = ({ tls }: ResolvedProvider): Result.Result<ReturnType<typeof tlsContext>, string> =>
  Result.try({ try: () => tlsContext({ caFile: tls.ca, identity: tls.identity }), catch: codeOf })

const unusable = (provider: ResolvedProvider, code: string): Finding => ({
  check: 'address',
  result: 'failed',
  found: `a file of providers.${provider.id}.tls cannot be used (${code})`,
  advice: `Name PEM files that can be read in providers.${provider.id}.tls.`,
  details: { code },
})

const dial = (provider: ResolvedProvider, files: ReturnType<typeof tlsContext>): Effect.Effect<Times, FailureReason> =>
  Effect.callback((resume) => {
    const { protocol, hostname, port } = new URL(provider.baseUrl)
    const host = bareHost(hostname)
    const isSecure = protocol === 'https:'
    const times: { [step: string]: number } = {}
    let since = performance.now()
    const passed = (step: string): void => {
      const now = performance.now()
      times[step] = Math.round(now - since)
      since = now
    }
    const fail = (error: unknown): void =>
      resume(Effect.fail<FailureReason>({ _tag: 'Transport', code: codeOf(error), connect: true }))
    const guard = { allowPrivate: provider.allowPrivate ?? isOwnNetwork(host) }
    const refused = refusedLiteral(host, guard)
    if (refused !== undefined) return fail(refused)
    const socket = connect({
      host,
      port: Number(port || (isSecure ? 443 : 80)),
      autoSelectFamily: true,
      lookup: guardedLookup(guard),
    })
    const done = (): void => {
      resume(Effect.succeed(times))
      socket.destroy()
    }
    socket.on('error', fail)
    socket.once('lookup', () => passed('dnsMs'))
    socket.once('connect', () => {
      passed('tcpMs')
      if (!isSecure) return done()
      const secured = tlsConnect({
        socket,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ALPNProtocols: ['http/1.1'],
        ...files,
      })
      secured.on('error', fail)
      secured.once('secureConnect', () => {
        passed('tlsMs')
        done()
      })
    })
    return Effect.sync(() => socket.destroy())
  })

/** Any status is an answer. */
const askThrough = (provider: ResolvedProvider): Effect.Effect<Times, FailureReason> =>
  Effect.suspend(() => {
    const since = performance.now()
    return Effect.map(plainGet(provider, '/', []), () => ({ answerMs: Math.round(performance.now() - since) }))
  })
