/**
 * Where a provider's credential is found, and whether it may be sent there: a credential belongs to the service that gave it.
 */
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import { looksSecret } from '#infra/config/problem.ts'
import type { ConfigFile } from '#infra/config/schema.ts'
import type { CredentialHeader, CredentialReference, TokenReference } from '#infra/credentials/credential-reference.ts'
import type { Preset, Profile } from '#infra/upstream/profile.ts'

type ProviderFile = NonNullable<ConfigFile['providers']>[string]

/** Where the credential would go. */
export interface Destination {
  readonly preset: Preset
  readonly profile: Profile
  /** Undefined when it is no URL, which is reported elsewhere. */
  readonly baseUrl: URL | undefined
  /** The preset's own; undefined when it has none. */
  readonly ownBaseUrl: URL | undefined
}

export const resolveCredential = (
  credential: ProviderFile['credential'],
  to: Destination,
  path: readonly string[],
  checks: Checks,
): CredentialReference => {
  const reference =
    credential === undefined ? standardCredential(to, path, checks) : written(credential, to, path, checks)
  if (reference._tag === 'GoogleAdc') checkGoogle(to, path, checks)
  if (reference._tag === 'Client') checkClient(to, path, checks)
  return reference
}

const GOOGLE: CredentialReference = { _tag: 'GoogleAdc', header: 'bearer' }

const standardCredential = (
  { preset, baseUrl, ownBaseUrl }: Destination,
  path: readonly string[],
  checks: Checks,
): CredentialReference => {
  const standard = preset.credential
  if (standard === 'none') return { _tag: 'None' }
  if (standard === 'adc') return GOOGLE
  if (baseUrl !== undefined && ownBaseUrl !== undefined && !belongs(baseUrl, ownBaseUrl)) {
    const text = `is missing; ${standard.env} is for ${preset.title}, so say what ${baseUrl.host} may have: { env: NAME }, another reference, or none`
    checks.report('missingKey', path, text)
  }
  return { _tag: 'Env', name: standard.env, header: standard.header }
}

/** The same server, another one of the same service (`eu.openrouter.ai`), and as well encrypted; or one on this machine. */
const belongs = (url: URL, own: URL): boolean =>
  isLoopback(url) ||
  (url.protocol === own.protocol && (url.hostname === own.hostname || url.hostname.endsWith(`.${own.hostname}`)))

const written = (
  credential: NonNullable<ProviderFile['credential']>,
  { preset }: Destination,
  path: readonly string[],
  checks: Checks,
): CredentialReference => {
  if (credential === 'client') return { _tag: 'Client' }
  if (credential === 'none') return { _tag: 'None' }
  if (credential === 'adc') return GOOGLE
  if ('adc' in credential) {
    if (looksSecret(credential.adc)) checks.report('literalSecret', [...path, 'adc'], 'expected a path, not a value')
    return { ...GOOGLE, file: absolutePath(credential.adc, [...path, 'adc'], checks) }
  }
  const header = credential.header ?? usualHeader(preset)
  if ('env' in credential || 'file' in credential) return resolveToken(credential, header, path, checks)
  if (credential.command[0] === '') checks.report('invalidValue', [...path, 'command'], 'the program has no name')
  return { _tag: 'Command', argv: credential.command, header }
}

/** A variable or a file that holds a secret, and is not the secret itself. */
export const resolveToken = (
  token: { readonly env: string } | { readonly file: string },
  header: CredentialHeader,
  path: readonly string[],
  checks: Checks,
): TokenReference => {
  if ('env' in token) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(token.env) || looksSecret(token.env)) {
      checks.report('literalSecret', [...path, 'env'], 'expected the name of an environment variable, not a value')
    }
    return { _tag: 'Env', name: token.env, header }
  }
  if (looksSecret(token.file)) checks.report('literalSecret', [...path, 'file'], 'expected a path, not a value')
  return { _tag: 'File', path: absolutePath(token.file, [...path, 'file'], checks), header }
}

const usualHeader = ({ credential, dialect }: Preset): CredentialHeader => {
  if (typeof credential === 'object') return credential.header
  // Google takes nothing else, however the token was come by.
  if (credential === 'adc') return 'bearer'
  return dialect === 'openai' ? 'bearer' : 'x-api-key'
}

/** A Google token opens everything that its account may use, so nobody else may see it. */
const checkGoogle = ({ baseUrl }: Destination, path: readonly string[], checks: Checks): void => {
  if (baseUrl === undefined || isLoopback(baseUrl)) return
  const google = baseUrl.hostname === GOOGLE_DOMAIN || baseUrl.hostname.endsWith(`.${GOOGLE_DOMAIN}`)
  if (google && baseUrl.protocol === 'https:') return
  const text = `adc is for https addresses of ${GOOGLE_DOMAIN} only: ${baseUrl.host} must not have a token of your Google account; name another credential, or none`
  checks.report('conflict', path, text)
}

const GOOGLE_DOMAIN = 'googleapis.com'

/** What Claude Code sends is a credential of the Anthropic format's servers. */
const checkClient = ({ preset, profile }: Destination, path: readonly string[], checks: Checks): void => {
  if (profile.dialect === 'anthropic' && preset.credential !== 'adc') {
    if ((profile.chat?.models.length ?? 0) === 0) return
    checks.report(
      'conflict',
      path,
      'client is not possible with chatModels: in that dialect nothing of the client’s is forwarded',
    )
    return
  }
  const text = `client is for servers of the Anthropic format: ${preset.title} takes no credential of Claude Code; name the credential that it takes`
  checks.report('conflict', path, text)
}

/** Whether an address is on this machine. */
export const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
