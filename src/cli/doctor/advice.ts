/**
 * Why a provider did not do what it was asked, and what the operator can do: decided by the reason's tag, its status and its
 * code. What the provider said itself is not shown; error bodies repeat keys and prompts.
 */
import type { CheckName, Finding } from '#cli/doctor/finding.ts'
import { timeText } from '#cli/doctor/time-text.ts'
import { keyPage, startCommand } from '#cli/doctor/where-keys-are.ts'
import { describeReason } from '#cli/summary.ts'
import type { FailureReason } from '#domain/failure.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'

export interface Asked {
  readonly provider: ResolvedProvider
  /** The name that the provider was asked for, where it was asked for a model. */
  readonly model?: string
  /** The proxy in between, as it is to be named. */
  readonly proxy?: string | undefined
}

/** A failure as a finding. What passes by itself is a warning: the set-up may be good. */
export const failure = (check: CheckName, reason: FailureReason, asked: Asked): Finding => ({
  check,
  result: PASSING.has(reason._tag) ? 'warning' : 'failed',
  found: describeReason(reason),
  advice: adviceFor(reason, asked),
  details: {
    reason: reason._tag,
    ...('status' in reason && reason.status !== undefined ? { status: reason.status } : {}),
    ...('code' in reason ? { code: reason.code } : {}),
  },
})

const PASSING: ReadonlySet<FailureReason['_tag']> = new Set(['RateLimited', 'Overloaded'])

export const adviceFor = (reason: FailureReason, asked: Asked): string => {
  const { provider, model } = asked
  const at = `providers.${provider.id}`
  switch (reason._tag) {
    case 'CredentialRefused':
      return refusedAdvice(reason.status, provider)
    case 'Transport':
      return transportAdvice(reason.code, asked)
    case 'Timeout':
      return reason.phase === 'connect'
        ? `Nothing answers at ${addressOf(provider)}: check ${at}.baseUrl, firewalls, and whether a proxy is needed (HTTPS_PROXY).`
        : 'It was reached but did not answer in time: try again, and look at its status page.'
    case 'Retired': {
      const { retired } = provider.profile
      return retired === undefined
        ? `It says that it is gone for good: take ${provider.id} out, or choose another ${model === undefined ? 'baseUrl' : 'model'}.`
        : `The service was retired on ${retired.since}; use instead: ${retired.successors}.`
    }
    case 'BudgetExceeded':
      return `The budget ${reason.budget} is used up: raise it, or wait${whenOf(reason.until)}.`
    case 'QuotaExhausted':
      return `The account has no credit left or its spend limit is reached: add credit or raise the limit${whenOf(reason.until)}.`
    case 'RateLimited':
      return `Its limits are reached; it works again by itself${whenOf(reason.until)}.`
    case 'Overloaded':
      return 'It is overloaded; try again in a minute.'
    case 'ServerError':
      return 'The fault is on its side: try again later, and look at its status page.'
    case 'InvalidRequest':
      return invalidAdvice(reason.status, asked)
    case 'FeatureRefused':
      return reason.features.length === 0
        ? `It cannot do what was asked: check ${at}.kind and preset.`
        : 'Nothing: while Signalbox serves, it leaves out what was refused and asks again.'
    case 'ContextTooLong':
      return `Even a tiny request is too large for it: check ${at}.models and limits.`
    case 'ContentRefused':
      return 'Its filter refused a harmless request: look at the content filters of the account.'
    case 'MalformedOutput':
      return `What answers is not the API: check that ${at}.baseUrl and kind belong together, and that no web page answers there.`
    case 'Cancelled':
      return 'Try again.'
    case 'Unknown':
      return `Its answer is not understood: check ${at}.baseUrl and kind.`
  }
}

/** Scheme, host and port. */
export const addressOf = ({ baseUrl }: Pick<ResolvedProvider, 'baseUrl'>): string => new URL(baseUrl).origin

const whenOf = (until: number | undefined): string => (until === undefined ? '' : ` (not before ${timeText(until)})`)

const refusedAdvice = (status: number | undefined, provider: ResolvedProvider): string => {
  const { credential } = provider
  if (credential._tag === 'None') {
    return `It wants a credential: name one in providers.${provider.id}.credential.`
  }
  if (credential._tag === 'GoogleAdc') {
    return status === 403
      ? 'The account may not use it: give it the role Vertex AI User (roles/aiplatform.user), check the project, and enable the model in Model Garden.'
      : 'Google does not take the token: run `gcloud auth application-default login` again.'
  }
  const from = describeReference(credential)
  const page = keyPage(provider)
  const made = page === undefined ? '' : `; keys are made at ${page}`
  return status === 403
    ? `It knows the key from ${from}, but the key may not do this: check its permissions${made}.`
    : `It refuses the key from ${from}: put a valid one there${made}.`
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/i

const transportAdvice = (code: string, { provider, proxy }: Asked): string => {
  const url = new URL(provider.baseUrl)
  const at = `providers.${provider.id}`
  if (code === 'CREDENTIAL_UNREACHABLE') {
    return `Whoever issues its credential cannot be reached: check the network, HTTPS_PROXY, and ${at}.credential.`
  }
  if (proxy !== undefined) {
    return `The proxy ${proxy} is in between: check that it runs and lets ${url.host} through, or except the host in NO_PROXY.`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The name ${url.hostname} cannot be resolved: check ${at}.baseUrl and DNS; behind a proxy set HTTPS_PROXY or ${at}.proxy.`
  }
  if (code === 'ADDRESS_REFUSED') {
    return `The name ${url.hostname} leads into a private network, or to a metadata service: check ${at}.baseUrl and DNS; if it is your own network, set ${at}.allowPrivate to true.`
  }
  if (code === 'ECONNREFUSED') {
    const command = startCommand(provider)
    return LOOPBACK.test(url.hostname)
      ? `Nothing listens at ${url.origin}: start the server${command === undefined ? '' : ` (${command})`}, or correct ${at}.baseUrl.`
      : `${url.host} takes no connections: check the port in ${at}.baseUrl, and firewalls.`
  }
  if (/^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS_CERT)/.test(code)) {
    return `Its certificate is not trusted (${code}): name the authority in ${at}.tls.ca, or correct ${at}.baseUrl.`
  }
  if (/^(EPROTO|ERR_SSL_)/.test(code)) {
    return `It does not speak TLS at that port (${code}): check https or http in ${at}.baseUrl.`
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return `There is no way to ${url.host} (${code}): check the network, VPN and ${at}.baseUrl.`
  }
  return `The connection to ${url.host} breaks (${code}): check ${at}.baseUrl, and what lies in between.`
}

const invalidAdvice = (status: number | undefined, { provider, model }: Asked): string => {
  const at = `providers.${provider.id}`
  if (model === undefined) {
    return `It does not know the path${status === undefined ? '' : ` (${status})`}: check ${at}.baseUrl and kind.`
  }
  return status === 404
    ? `It does not have the model ${model}: map Claude Code's names in ${at}.models to names that it has.`
    : `It refuses a plain request for ${model}: check ${at}.kind and preset, and ${at}.models.`
}
