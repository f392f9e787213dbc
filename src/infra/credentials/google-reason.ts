/**
 * Why Google's credentials could not be had, and what to do about it. Codes, statuses and paths only: an answer of a token
 * endpoint and the text of a library's error may hold an assertion or a token.
 */

export type GoogleReason =
  /** No file in any of the usual places, and no metadata server. */
  | { readonly _tag: 'GoogleNotFound' }
  /** A code of the operating system, e.g. ENOENT. */
  | { readonly _tag: 'GoogleFileUnreadable'; readonly path: string; readonly code: string }
  | { readonly _tag: 'GoogleFileInvalid'; readonly path: string; readonly problem: GoogleFileProblem }
  /** The credential runs a program, which the environment has to allow. */
  | { readonly _tag: 'GoogleExecutableForbidden' }
  /** `invalid_grant`: the login is over, or the key was taken back. */
  | { readonly _tag: 'GoogleGrantRefused'; readonly login: boolean }
  /** HTTP status of the endpoint and, when it is a standard one, its code. */
  | { readonly _tag: 'GoogleRefused'; readonly status: number; readonly code?: string }
  | { readonly _tag: 'GoogleUnreachable'; readonly metadata: boolean; readonly code: string }
  | { readonly _tag: 'GoogleTimedOut'; readonly afterMs: number }
  /** The private key, or what a workload identity exchanges, cannot be used; a code of the system or an exit code. */
  | { readonly _tag: 'GoogleSourceFailed'; readonly code: string }
  /** An answer without a token. */
  | { readonly _tag: 'GoogleNoToken' }

/** What is wrong with the content of a credentials file. */
export type GoogleFileProblem = 'not JSON' | 'unknown type' | 'incomplete'

const LOGIN = '`gcloud auth application-default login`'

export const explainGoogle = (reason: GoogleReason): string => {
  switch (reason._tag) {
    case 'GoogleNotFound':
      return `there are none; run ${LOGIN}, or name a credentials file in GOOGLE_APPLICATION_CREDENTIALS`
    case 'GoogleFileUnreadable':
      return reason.code === 'ENOENT'
        ? `the file ${reason.path} does not exist`
        : `the file ${reason.path} cannot be read (${reason.code})`
    case 'GoogleFileInvalid':
      return `the file ${reason.path} ${fileProblems[reason.problem]}`
    case 'GoogleExecutableForbidden':
      return 'they run a program, which only GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 allows'
    case 'GoogleGrantRefused':
      return reason.login
        ? `Google no longer accepts the login (invalid_grant); run ${LOGIN} again`
        : 'Google does not accept them (invalid_grant); the key was deleted, the account disabled, or the clock is wrong'
    case 'GoogleRefused':
      return `the token endpoint answered with status ${reason.status}${reason.code === undefined ? '' : ` (${reason.code})`}`
    case 'GoogleUnreachable':
      return `the ${reason.metadata ? 'metadata server' : 'token endpoint'} cannot be reached (${reason.code})`
    case 'GoogleTimedOut':
      return `there was no answer within ${reason.afterMs / 1_000} s`
    case 'GoogleSourceFailed':
      return `the key or subject token they are made of cannot be used (${reason.code})`
    case 'GoogleNoToken':
      return 'the token endpoint answered without a token'
  }
}

const fileProblems: Readonly<Record<GoogleFileProblem, string>> = {
  'not JSON': 'is not JSON',
  'unknown type': 'has a type that is not supported',
  incomplete: 'lacks a field that its type needs',
}
