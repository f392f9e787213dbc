/**
 * The metadata server of Google's machines, which gives tokens and knows the project.
 */
import { Effect } from 'effect'
import { googleFailure } from '#infra/credentials/google-failure.ts'
import { nonEmpty } from '#infra/credentials/google-file.ts'
import { loadGoogle } from '#infra/credentials/google-library.ts'
import type { GoogleReason } from '#infra/credentials/google-reason.ts'

/** Whether this process can expect one: by the library's own variables, the machine's BIOS, else one probe of 3 s at most. */
export const hasMetadataServer: Effect.Effect<boolean> = Effect.gen(function* () {
  if (process.env.METADATA_SERVER_DETECTION?.trim().toLowerCase() === 'none') return false
  const { GCE_METADATA_HOST: host, GCE_METADATA_IP: address } = process.env
  if (nonEmpty(host) !== undefined || nonEmpty(address) !== undefined) return true
  const { gcpMetadata } = yield* loadGoogle
  return yield* Effect.promise(async () => gcpMetadata.getGCPResidency() || (await gcpMetadata.isAvailable()))
})

/** The id of the project this machine belongs to; nothing when it belongs to none. */
export const metadataProject: Effect.Effect<string | undefined, GoogleReason> = Effect.gen(function* () {
  const { gcpMetadata } = yield* loadGoogle
  const project = yield* Effect.tryPromise({
    try: async (): Promise<unknown> => gcpMetadata.project('project-id'),
    catch: (error) => googleFailure(error, { _tag: 'Metadata' }),
  })
  return typeof project === 'string' ? nonEmpty(project) : undefined
})
