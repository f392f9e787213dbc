/**
 * What `signalbox serve` says when it is up: where it listens, whom it serves through, and what to type next.
 */
import { Redacted } from 'effect'
import { CALLED } from '#cli/called-as.ts'
import { isLoopbackHost } from '#http/observers.ts'
import type { AdminAccess } from '#infra/admin-token.ts'
import type { Config, ResolvedProvider } from '#infra/config/config.ts'
import { describeKind, describeMissing } from '#infra/config/describe-provider.ts'
import { shownDatabase } from '#infra/config/redacted-config.ts'
import { describeReference } from '#infra/credentials/credential-reference.ts'

export interface BannerInput {
  readonly version: string
  readonly url: string
  readonly config: Config
  readonly providers: readonly ResolvedProvider[]
  readonly simulated: boolean
  readonly logPosition: number
  readonly abandoned: number
  readonly admin?: AdminAccess
}

/** Lines for a terminal. No credential is in them but the admin token that Signalbox made itself, which nobody could know else. */
export const banner = (input: BannerInput): string => {
  const { config, url } = input
  const lines = [`Signalbox ${input.version} listens on ${url}`, '']
  if (input.simulated) {
    lines.push(
      'SIMULATED: no provider credential was found, so three simulated providers answer. Everything else is real:',
      'routing, fallback, the event log, metrics. No answer comes from a model.',
      '',
    )
  }
  lines.push('Providers')
  for (const provider of input.providers) {
    const credential = input.simulated ? 'simulated' : describeReference(provider.credential)
    const state = provider.policy.enabled ? '' : ', disabled'
    lines.push(
      `  ${provider.id.padEnd(14)} ${describeKind(provider).padEnd(22)} ${provider.baseUrl}  (${credential}${state})`,
    )
  }
  const missing = describeMissing(config.discovery)
  if (missing !== undefined) {
    lines.push(`  ${missing}`, '  Other providers: name them in signalbox.yaml (see docs/upstreams.md).')
  }
  const files = config.source.files
  lines.push(
    '',
    `Configuration  ${files.length === 0 ? 'built in (no file found)' : files.join(', ')}`,
    `Event log      ${shownDatabase(config.database.url)}, position ${input.logPosition}`,
  )
  if (input.abandoned > 0) {
    lines.push(
      `               ${input.abandoned} request(s) that an earlier process left unfinished were closed as abandoned`,
    )
  }
  for (const warning of config.warnings) lines.push(`Warning        ${warning.key}: ${warning.text}`)
  if (input.admin !== undefined)
    lines.push('', `Dashboard      ${dashboardLink(url, input.admin, isLoopbackHost(config.server.host))}`)
  lines.push(
    '',
    'Use it with Claude Code',
    `  export ANTHROPIC_BASE_URL=${url}`,
    // Claude Code sends nothing without some credential; where nobody gets it any word will do.
    `  ${input.providers.some(({ credential }) => credential._tag === 'Client') ? 'claude' : 'ANTHROPIC_AUTH_TOKEN=signalbox claude'}`,
    '',
    `Look at it: ${url}/health, ${url}/metrics, ${CALLED.command} events --follow`,
    'Stop it with Ctrl-C.',
  )
  return lines.join('\n')
}

/** What stands behind the # stays in the browser: no server, no proxy and no log of either sees it. */
const dashboardLink = (url: string, { tokens, isGenerated, file }: AdminAccess, isLocal: boolean): string => {
  if (!isGenerated) return `${url}/  (asks for your admin token)`
  // A box that others reach is no program on somebody's terminal: what it prints is kept in logs that others read.
  return isLocal || file === undefined
    ? `${url}/#token=${Redacted.value(tokens.admin)}`
    : `${url}/  (asks for the token in ${file})`
}
