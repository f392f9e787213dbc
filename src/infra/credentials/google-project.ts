/**
 * Which Google Cloud project to ask in, and which one pays, when the configuration does not say.
 */
import { Effect } from 'effect'
import {
  type Environment,
  findGoogleCredential,
  type GoogleCredential,
  nonEmpty,
} from '#infra/credentials/google-file.ts'
import { hasMetadataServer, metadataProject } from '#infra/credentials/google-metadata.ts'
import type { GoogleReason } from '#infra/credentials/google-reason.ts'
import { runCredentialCommand } from '#infra/credentials/run-credential-command.ts'

/** By variable, by the credentials file, by the configuration of `gcloud`, by the metadata server: Google's own order. */
export const findGoogleProject = (
  file: string | undefined,
  environment: Environment,
): Effect.Effect<string | undefined, GoogleReason> =>
  Effect.gen(function* () {
    const set = nonEmpty(environment.GOOGLE_CLOUD_PROJECT) ?? nonEmpty(environment.GCLOUD_PROJECT)
    if (set !== undefined) return set
    const credential = yield* findGoogleCredential(file, environment)
    const own = projectOf(credential)
    if (own !== undefined) return own
    const configured = yield* gcloudProject
    if (configured !== undefined || credential._tag === 'File') return configured
    return (yield* hasMetadataServer) ? yield* metadataProject : undefined
  })

/** The project whose quota is used: by variable, else by the credentials file. */
export const findQuotaProject = (
  file: string | undefined,
  environment: Environment,
): Effect.Effect<string | undefined, GoogleReason> => {
  const set = nonEmpty(environment.GOOGLE_CLOUD_QUOTA_PROJECT)
  if (set !== undefined) return Effect.succeed(set)
  return Effect.map(findGoogleCredential(file, environment), (credential) =>
    credential._tag === 'File' ? nonEmpty(credential.content.quota_project_id) : undefined,
  )
}

/** The project of a derived account is the one of the account it is derived from, unless it names its own. */
const projectOf = (credential: GoogleCredential): string | undefined => {
  if (credential._tag === 'Metadata') return undefined
  const { content } = credential
  if (content.type !== 'impersonated_service_account') return nonEmpty(content.project_id)
  return nonEmpty(content.project_id) ?? nonEmpty(content.source_credentials.project_id)
}

/** `gcloud` may be missing, unconfigured or broken; then it has nothing to say, and the project is to be configured. */
const gcloudProject: Effect.Effect<string | undefined> = runCredentialCommand([
  'gcloud',
  'config',
  'get-value',
  'project',
]).pipe(
  Effect.map((output) => nonEmpty(output.trim())),
  Effect.catch(() => Effect.succeed(undefined)),
)
