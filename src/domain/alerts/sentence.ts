/**
 * Alerts in words, for people at any channel: what is, against which bound, and what to do. Nothing in it but names from the
 * configuration, names of models and numbers.
 */
import type { AlertKind } from '#domain/policy.ts'
import type { AlertNews } from '#domain/projections/alerts.ts'

/** What `value` and `threshold` of a kind are counted in. */
export const UNITS: {
  readonly [K in AlertKind]: 'USD' | 'times' | 'share' | 'ms' | 'attempts' | 'bytes' | 'providers'
} = {
  costPerHour: 'USD',
  costPerDay: 'USD',
  costForecast: 'USD',
  costSpike: 'times',
  budget: 'share',
  errorRate: 'share',
  latency: 'ms',
  providerDown: 'ms',
  providerRetired: 'providers',
  limitForecast: 'share',
  priceUnknown: 'attempts',
  logFailing: 'ms',
  diskSpace: 'bytes',
}

export type Telling = Pick<AlertNews, 'change' | 'kind' | 'subject' | 'value' | 'threshold'>

/** One or two sentences: what is the case, and what to do about it. */
export const sentence = (news: Telling): string =>
  news.change === 'raised' ? `${raised(news)} ${ADVICE[news.kind]}` : cleared(news)

const raised = ({ kind, subject, value, threshold }: Telling): string => {
  switch (kind) {
    case 'costPerHour':
      return `The last hour cost ${usd(value)}, more than ${usd(threshold)}.`
    case 'costPerDay':
      return `The last 24 hours cost ${usd(value)}, more than ${usd(threshold)}.`
    case 'costForecast':
      return `This month will cost ${usd(value)} if it goes on like the last days, more than ${usd(threshold)}.`
    case 'costSpike':
      return `The last hour cost ${times(value)} times as much as usual; the bound is ${times(threshold)}.`
    case 'budget':
      return `The budget ${subject} is used to ${percent(value)}, above ${percent(threshold)}.`
    case 'errorRate':
      return `${percent(value)} of the ${ofWhom(subject)} fail; the bound is ${percent(threshold)}.`
    case 'latency':
      return `One in twenty answers${subject === '' ? '' : ` of ${subject}`} takes ${duration(value)} or more to begin; the bound is ${duration(threshold)}.`
    case 'providerDown':
      return `The provider ${subject} has been down for ${duration(value)}.`
    case 'providerRetired':
      return `The provider ${subject} says that it is gone for good, and is not asked any more.`
    case 'limitForecast':
      return value >= 1.005
        ? `The limit ${limitOf(subject)} will be used up before it resets: ${percent(value)} of it at the present rate.`
        : `The limit ${limitOf(subject)} is used up or will be before it resets.`
    case 'priceUnknown':
      return `Nobody knows what ${modelOf(subject)} costs: ${count(value, 'attempt')} of the last day left out of sums and budgets.`
    case 'logFailing':
      return `The event log has not been able to write for ${duration(value)}; events wait in memory.`
    case 'diskSpace':
      return `${bytes(value)} are free where the event log lies, less than ${bytes(threshold)}.`
  }
}

const ADVICE: { readonly [K in AlertKind]: string } = {
  costPerHour: 'If that is not meant, look who asks (signalbox events --type AttemptSucceeded) and set a hard budget.',
  costPerDay: 'If that is not meant, look who asks (signalbox events --type AttemptSucceeded) and set a hard budget.',
  costForecast: 'Set a budget for the month, or have routing.strategy: cost choose the cheaper provider.',
  costSpike: 'Look for a session that runs in circles: signalbox events --type RequestAdmitted.',
  budget: 'Raise it, or expect what it says to happen when it is used up.',
  errorRate: 'Look why: signalbox events --type AttemptFailed. signalbox doctor checks every provider.',
  latency: 'Another strategy (routing.strategy: performance) or another provider may answer faster.',
  providerDown: 'Others serve if there are any; signalbox doctor says what it answers.',
  providerRetired: 'Change or remove its entry in the configuration.',
  limitForecast:
    'Requests will go to other providers, or fail if there are none. Ask for a higher limit, or add a provider.',
  priceUnknown: 'Name its price under prices of the provider; for a server of your own that is 0.',
  logFailing: 'What waits is lost if the process ends: see that its disk has room and that its file may be written.',
  diskSpace: 'Make room, or move the log (database.url).',
}

const cleared = ({ kind, subject, value, threshold }: Telling): string => {
  switch (kind) {
    case 'costPerHour':
      return `The last hour cost ${usd(value)}, no more than it may.`
    case 'costPerDay':
      return `The last 24 hours cost ${usd(value)}, no more than they may.`
    case 'costForecast':
      return `This month will cost ${usd(value)}, no more than it may.`
    case 'costSpike':
      return 'The last hour cost what is usual.'
    case 'budget':
      return `The budget ${subject} is used to ${percent(value)}, below ${percent(threshold)} again.`
    case 'errorRate':
      return `${percent(value)} of the ${ofWhom(subject)} fail, no more than may.`
    case 'latency':
      return `Answers${subject === '' ? '' : ` of ${subject}`} begin in time again.`
    case 'providerDown':
      return `The provider ${subject} is back.`
    case 'providerRetired':
      return `The provider ${subject} is asked again, or gone from the configuration.`
    case 'limitForecast':
      return `The limit ${limitOf(subject)} will do until it resets.`
    case 'priceUnknown':
      return `The price of ${modelOf(subject)} is known, or it is not asked for any more.`
    case 'logFailing':
      return 'The event log writes again.'
    case 'diskSpace':
      return `${bytes(value)} are free where the event log lies.`
  }
}

const ofWhom = (subject: string): string => (subject === '' ? 'requests' : `attempts at ${subject}`)

/** `vertex/requests/day` → `of requests per day at vertex`. */
const limitOf = (subject: string): string => {
  const [provider = '', limit = '', window = ''] = subject.split('/')
  return `of ${limit} per ${window} at ${provider}`
}

/** A model's name may hold slashes, a provider's does not. */
const modelOf = (subject: string): string => {
  const cut = subject.indexOf('/')
  return `${subject.slice(cut + 1)} at ${subject.slice(0, cut)}`
}

const usd = (value: number): string => `$${value.toFixed(2)}`
const times = (value: number): string => String(Number(value.toPrecision(2)))
const percent = (share: number): string => `${Math.round(share * 100)} %`
const count = (value: number, what: string): string => `${value} ${what}${value === 1 ? '' : 's'}`

/** In the largest unit of which there is a whole one, to two digits. */
const duration = (ms: number): string => {
  const [size, unit] = DURATIONS.find(([least]) => ms >= least) ?? [1, 'ms']
  return `${Number((ms / size).toPrecision(2))} ${unit}`
}
const DURATIONS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

/** Powers of 1,000, to two digits. */
const bytes = (value: number): string => {
  const [size, unit] = SIZES.find(([least]) => value >= least) ?? [1, 'B']
  return `${Number((value / size).toPrecision(2))} ${unit}`
}
const SIZES = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
] as const
