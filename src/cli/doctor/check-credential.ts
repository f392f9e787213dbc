/**
 * Whether a provider's credential can be had. Whether the provider takes it is seen when it is asked.
 */
import { Effect, Result } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import { type Finding, limited } from '#cli/doctor/finding.ts'
import { keyPage } from '#cli/doctor/where-keys-are.ts'
import type { ResolvedProvider } from '#infra/config/config.ts'
import type { Environment } from '#infra/config/environment.ts'
import { describeReference, type HeldCredential } from '#infra/credentials/credential-reference.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { makeGoogleSource } from '#infra/credentials/google-source.ts'

export const checkCredential = (provider: ResolvedProvider): Effect.Effect<Finding> => {
  const { credential } = provider
  switch (credential._tag) {
    case 'None':
      return Effect.succeed({ check: 'credential', result: 'ok', found: 'none is needed' })
    case 'Client':
      return Effect.sync(() => clientsFinding(process.env))
    default:
      return checkHeld(provider, credential)
  }
}

/**
 * Where clients bring their own credential, the doctor brings what Claude Code would bring from the same environment.
 * Empty when there is nothing to bring.
 */
export const clientCredential = (environment: Environment): HeaderList => {
  const key = environment.ANTHROPIC_API_KEY ?? ''
  const token = environment.ANTHROPIC_AUTH_TOKEN ?? ''
  if (token !== '') return [['authorization', `Bearer ${token}`]]
  return key === '' ? [] : [['x-api-key', key]]
}

const clientsFinding = (environment: Environment): Finding =>
  clientCredential(environment).length > 0
    ? { check: 'credential', result: 'ok', found: "the client's own; that of this environment is used here" }
    : {
        check: 'credential',
        result: 'warning',
        found: "the client's own, and this environment has none",
        advice: 'To have the rest checked, set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN as your clients have it.',
      }

const checkHeld = (provider: ResolvedProvider, reference: HeldCredential): Effect.Effect<Finding> =>
  Effect.gen(function* () {
    const from = describeReference(reference)
    const had = yield* Effect.result(limited(makeCredentialSource(reference).secret))
    if (Result.isFailure(had)) {
      const error = had.failure
      return {
        check: 'credential',
        result: 'failed',
        found: error._tag === 'CredentialError' ? error.message : `${from} took too long`,
        advice: adviceOn(reference, provider),
        details: { reason: error._tag === 'CredentialError' ? error.reason._tag : error._tag },
      }
    }
    if (reference._tag !== 'GoogleAdc') return { check: 'credential', result: 'ok', found: from }
    const project = askedProject(provider) ?? (yield* projectOf(reference)) ?? null
    return {
      check: 'credential',
      result: 'ok',
      found: project === null ? from : `${from}, project ${project}`,
      details: { project },
    }
  })

/** The project of the configuration stands in the address. */
const askedProject = ({ baseUrl, profile }: ResolvedProvider): string | undefined =>
  /\/projects\/([^/]+)\//.exec(`${baseUrl}${profile.paths.call}`)?.[1]

/** A token was had, so a project that cannot be found is no failure; the address says it where it is needed. */
const projectOf = (reference: Extract<HeldCredential, { readonly _tag: 'GoogleAdc' }>) =>
  Effect.orElseSucceed(limited(makeGoogleSource(reference).projectId), () => undefined)

const adviceOn = (reference: HeldCredential, provider: ResolvedProvider): string => {
  const page = keyPage(provider)
  const made = page === undefined ? '' : `; keys are made at ${page}`
  switch (reference._tag) {
    case 'Env':
      return `Set ${reference.name} where Signalbox starts, or say in providers.${provider.id}.credential where the key is${made}.`
    case 'File':
      return `Write the key, one line and nothing else, into ${reference.path}${made}.`
    case 'Command':
      return `Run ${reference.argv[0] ?? 'the command'} by hand as the same user: it must print the key and end with 0 within ten seconds.`
    case 'GoogleAdc':
      return 'Run `gcloud auth application-default login`, or name a credentials file in GOOGLE_APPLICATION_CREDENTIALS.'
  }
}
