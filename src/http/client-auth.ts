/**
 * Who a client is: it says so by a client key, in `x-signalbox-key` or where it would have an API key. A key to Signalbox is
 * nobody else's business: a header that holds one is taken off here, before anything else sees the headers.
 */
import { createHash } from 'node:crypto'
import { Effect } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import { type KeyMode, type KeyVerdict, mayAskFor, verdict } from '#domain/client-key.ts'
import { type ErrorAnswer, errorAnswer } from '#domain/dialect/anthropic-error.ts'
import type { ClientKey, ClientKeys } from '#domain/projections/client-keys.ts'
import { makeFailedAttempts } from '#http/failed-attempts.ts'
import { ownRates, type RatedKind, type RatesByKind } from '#http/key-rates.ts'

export interface Client {
  readonly _tag: 'Client'
  /** Absent: it brought none, or keys are not looked at. */
  readonly key?: ClientKey
  /** It brought no credential that a provider could be asked with. */
  readonly isAnonymous: boolean
  /** Its headers, without those that hold a key to Signalbox. */
  readonly headers: HeaderList
}

export type Identified = Client | { readonly _tag: 'Refused'; readonly answer: ErrorAnswer }

/** `at` is epoch ms, `from` the address that the socket tells. */
export interface ClientAuth {
  readonly identify: (headers: HeaderList, at: number, from: string) => Identified
  /** The same for a request that counts: it is refused too when its key has sent too many. Each kind is counted apart. */
  readonly admit: (headers: HeaderList, kind: RatedKind, at: number, from: string) => Effect.Effect<Identified>
  /** Why it may not ask for the model; or not go on at all, when its key was revoked while it sent its request. */
  readonly refusal: (client: Client, model: string, at: number) => ErrorAnswer | undefined
  /** Whether it is told of the model. */
  readonly mayList: (client: Client, model: string) => boolean
}

/** @param keys the live ones, asked for anew each time */
export const makeClientAuth = (mode: KeyMode, keys: () => ClientKeys, rates: RatesByKind = ownRates()): ClientAuth => {
  const failed = makeFailedAttempts()
  const identify: ClientAuth['identify'] = (headers, at, from) => {
    const withoutKeys = headers.filter((header) => !holdsKey(header))
    const client: Client = { _tag: 'Client', isAnonymous: !withoutKeys.some(isCredential), headers: withoutKeys }
    if (mode === 'off') return client
    const given = givenKey(headers)
    if (given === undefined) return mode === 'required' ? refused(errorAnswer.unauthorized(NO_KEY)) : client
    const digest = createHash('sha256').update(given).digest('hex')
    const judged = verdict(keys(), digest, undefined, at)
    if (judged._tag === 'Known') return { ...client, key: judged.key }
    if (judged._tag === 'Unknown') {
      // Good keys are served meanwhile: a key of 190 random bits is not guessed, and who shares the address of a guesser (an
      // office, a proxy in front) must not be locked out by him.
      const until = failed.blockedUntil(from, at)
      if (until !== undefined) return refused(errorAnswer.rateLimited(TOO_MANY, until - at))
      failed.count(from, digest, at)
    }
    return refused(answerTo(judged, ''))
  }
  return {
    identify,
    admit: Effect.fnUntraced(function* (headers, kind, at, from) {
      const client = identify(headers, at, from)
      if (client._tag === 'Refused' || client.key?.requestsPerMinute === undefined) return client
      const { keyId, name, requestsPerMinute } = client.key
      const waitMs = yield* rates[kind].take(keyId, requestsPerMinute, at)
      if (waitMs === undefined) return client
      const message = `The key ${name} to this Signalbox is good for ${requestsPerMinute} requests a minute, which are used up.`
      return refused(errorAnswer.rateLimited(message, waitMs))
    }),
    refusal: ({ key }, model, at) => {
      if (key === undefined) return undefined
      const judged = verdict(keys(), key.digest, model, at)
      return judged._tag === 'Known' ? undefined : answerTo(judged, model)
    },
    mayList: ({ key }, model) => key === undefined || mayAskFor(key, model),
  }
}

const refused = (answer: ErrorAnswer): Identified => ({ _tag: 'Refused', answer })

const OWN_HEADER = 'x-signalbox-key'
const CREDENTIALS = ['authorization', 'x-api-key']
const CREDENTIAL_WITH_KEY = /^(?:bearer\s+)?(sbx_.*)$/i
/** Wherever a client put it. */
const WHOLE_KEY = /sbx_[0-9A-Za-z]{32}/

type Header = HeaderList[number]

const holdsKey = ([name, value]: Header): boolean =>
  name === OWN_HEADER || (CREDENTIALS.includes(name) && CREDENTIAL_WITH_KEY.test(value)) || WHOLE_KEY.test(value)

const isCredential = ([name, value]: Header): boolean => CREDENTIALS.includes(name) && value !== ''

/** What is in the header of our own is meant for us, whatever it looks like; elsewhere only what looks like a key. */
const givenKey = (headers: HeaderList): string | undefined => {
  const valueIn = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  return (
    valueIn(OWN_HEADER) ||
    CREDENTIALS.map((name) => CREDENTIAL_WITH_KEY.exec(valueIn(name) ?? '')?.[1]).find((key) => key !== undefined)
  )
}

const HOW = `as ANTHROPIC_AUTH_TOKEN, or in the header ${OWN_HEADER}`
const TOO_MANY = 'Too many unknown keys to this Signalbox came from this address. Wait.'
const NO_KEY = `This Signalbox serves only clients that bring a key to it: ${HOW}. Ask its operator for one.`
const ANOTHER = `Ask its operator for another, and set it ${HOW}.`

/** The key itself is never repeated. */
const answerTo = (judged: Exclude<KeyVerdict, { readonly _tag: 'Known' }>, model: string): ErrorAnswer => {
  switch (judged._tag) {
    case 'Unknown':
      return errorAnswer.unauthorized(`This Signalbox does not know the key that it was sent. ${ANOTHER}`)
    case 'Revoked':
      return errorAnswer.unauthorized(`The key ${judged.key.name} to this Signalbox was revoked. ${ANOTHER}`)
    case 'Expired':
      return errorAnswer.unauthorized(`The key ${judged.key.name} to this Signalbox has expired. ${ANOTHER}`)
    case 'ModelNotAllowed': {
      const asked = model.length > LONGEST_SHOWN ? `${model.slice(0, LONGEST_SHOWN)}…` : model
      const message = `The key ${judged.key.name} to this Signalbox may not ask for ${asked}, only for ${judged.models.join(', ')}.`
      return errorAnswer.forbidden(message)
    }
  }
}

/** What a client calls a model is as long as it likes. */
const LONGEST_SHOWN = 200
