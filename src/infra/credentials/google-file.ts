/**
 * Where Google's credentials are found, in the order of Google's own tools: the named file, the one in
 * GOOGLE_APPLICATION_CREDENTIALS, the one `gcloud` writes at a login, the metadata server. The search of google-auth-library
 * itself is not used: before it answers, it looks for a project with `gcloud` and on the network, for longer than a
 * request for a token may take.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Effect, Result, Schema } from 'effect'
import type { GoogleFileProblem, GoogleReason } from '#infra/credentials/google-reason.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const { optionalKey, String: Text } = Schema

const ServiceAccount = Schema.Struct({
  type: Schema.Literal('service_account'),
  client_email: Text,
  private_key: Text,
  private_key_id: optionalKey(Text),
  project_id: optionalKey(Text),
  quota_project_id: optionalKey(Text),
})
const AuthorizedUser = Schema.Struct({
  type: Schema.Literal('authorized_user'),
  client_id: Text,
  client_secret: Text,
  refresh_token: Text,
  project_id: optionalKey(Text),
  quota_project_id: optionalKey(Text),
})
/** A workload identity; what its `credential_source` may hold, and what else it names, is the library's business. */
const ExternalAccount = Schema.StructWithRest(
  Schema.Struct({
    type: Schema.Literal('external_account'),
    audience: Text,
    subject_token_type: Text,
    credential_source: Schema.Record(Text, Schema.Unknown),
    project_id: optionalKey(Text),
    quota_project_id: optionalKey(Text),
  }),
  [Schema.Record(Text, Schema.Unknown)],
)
const ExternalUser = Schema.Struct({
  type: Schema.Literal('external_account_authorized_user'),
  audience: optionalKey(Text),
  client_id: Text,
  client_secret: Text,
  refresh_token: Text,
  token_url: optionalKey(Text),
  token_info_url: optionalKey(Text),
  project_id: optionalKey(Text),
  quota_project_id: optionalKey(Text),
})
const Source = Schema.Union([ServiceAccount, AuthorizedUser, ExternalAccount, ExternalUser])
const Impersonated = Schema.Struct({
  type: Schema.Literal('impersonated_service_account'),
  service_account_impersonation_url: Text,
  source_credentials: Source,
  delegates: optionalKey(Schema.Array(Text)),
  project_id: optionalKey(Text),
  quota_project_id: optionalKey(Text),
})
const GoogleFile = Schema.Union([...Source.members, Impersonated])

const TYPES: ReadonlySet<unknown> = new Set<GoogleFile['type']>([
  'service_account',
  'authorized_user',
  'external_account',
  'external_account_authorized_user',
  'impersonated_service_account',
])

/** A credentials JSON. */
export type GoogleFile = typeof GoogleFile.Type
/** A credential that others can be derived from. */
export type GoogleSourceFile = typeof Source.Type

export type GoogleCredential =
  | { readonly _tag: 'File'; readonly path: string; readonly content: GoogleFile }
  /** No file; a metadata server may be there. */
  | { readonly _tag: 'Metadata' }

const decode = Schema.decodeUnknownResult(GoogleFile)

/** Reads the file anew each time, so that a new login or a rotated key counts at the next token. */
export const findGoogleCredential = (
  file: string | undefined,
  environment: Environment,
): Effect.Effect<GoogleCredential, GoogleReason> => {
  const named = file ?? nonEmpty(environment.GOOGLE_APPLICATION_CREDENTIALS)
  if (named !== undefined) return readGoogleFile(named)
  const folder = gcloudFolder(environment)
  if (folder === undefined) return Effect.succeed({ _tag: 'Metadata' })
  return readGoogleFile(join(folder, 'application_default_credentials.json')).pipe(
    Effect.catchIf(
      (reason) => reason._tag === 'GoogleFileUnreadable' && reason.code === 'ENOENT',
      () => Effect.succeed<GoogleCredential>({ _tag: 'Metadata' }),
    ),
  )
}

const readGoogleFile = (path: string): Effect.Effect<GoogleCredential, GoogleReason> =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, 'utf8'),
      catch: (error): GoogleReason => ({
        _tag: 'GoogleFileUnreadable',
        path,
        code: error instanceof Error && 'code' in error ? String(error.code) : 'unknown error',
      }),
    })
    const content = parseGoogleFile(text)
    if (Result.isFailure(content)) {
      return yield* Effect.fail<GoogleReason>({ _tag: 'GoogleFileInvalid', path, problem: content.failure })
    }
    return { _tag: 'File', path, content: content.success } as const
  })

/** What was wrong is named by kind only: the decoder's and the parser's own words show what they found. */
const parseGoogleFile = (text: string): Result.Result<GoogleFile, GoogleFileProblem> => {
  const json = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(json)) return Result.fail('not JSON')
  const value = json.success
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  if (!TYPES.has(type)) return Result.fail('unknown type')
  return Result.mapError(decode(value), () => 'incomplete' as const)
}

/** Where `gcloud` keeps its files. */
export const gcloudFolder = (environment: Environment): string | undefined => {
  const own = nonEmpty(environment.CLOUDSDK_CONFIG)
  if (own !== undefined) return own
  if (process.platform === 'win32') {
    const roaming = nonEmpty(environment.APPDATA)
    return roaming === undefined ? undefined : join(roaming, 'gcloud')
  }
  const home = nonEmpty(environment.HOME)
  return home === undefined ? undefined : join(home, '.config', 'gcloud')
}

/** A variable that is set to nothing is not set. */
export const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value)
