/**
 * Where a credential is to be found. The configuration holds references only; a value exists in memory alone, redacted.
 */

/** How the value is sent: in `x-api-key`, in Azure's `api-key`, or as `authorization: Bearer …`. */
export type CredentialHeader = 'x-api-key' | 'bearer' | 'api-key'

/** Application Default Credentials of Google Cloud: a service account, a login, a workload identity or the metadata server. */
export interface GoogleAdcReference {
  readonly _tag: 'GoogleAdc'
  /** Absolute path of a credentials JSON; without it, the places that Google's own tools search. */
  readonly file?: string
  readonly header: 'bearer'
}

/** Of those that can be looked up at any time. */
export type TokenReference =
  | { readonly _tag: 'Env'; readonly name: string; readonly header: CredentialHeader }
  /** Absolute path. */
  | { readonly _tag: 'File'; readonly path: string; readonly header: CredentialHeader }

/** A credential that Signalbox itself holds. */
export type HeldCredential =
  | TokenReference
  /** Program and arguments; no shell. */
  | { readonly _tag: 'Command'; readonly argv: readonly string[]; readonly header: CredentialHeader }
  | GoogleAdcReference

export type CredentialReference =
  | HeldCredential
  /** The client's own credential is forwarded. */
  | { readonly _tag: 'Client' }
  | { readonly _tag: 'None' }

/** A reference as errors and `config show` name it. Arguments of a command may hold secrets, so only the program is named. */
export const describeReference = (reference: CredentialReference): string => {
  switch (reference._tag) {
    case 'Env':
      return `the environment variable ${reference.name}`
    case 'File':
      return `the file ${reference.path}`
    case 'Command':
      return `the command ${reference.argv[0] ?? ''}`
    case 'GoogleAdc':
      return reference.file === undefined
        ? "Google's application default credentials"
        : `Google's credentials file ${reference.file}`
    case 'Client':
      return "the client's own credential"
    case 'None':
      return 'no credential'
  }
}
