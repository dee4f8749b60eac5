/** What people see of a connection's account; sealed as `connections.profile`. */
export interface ConnectionProfile {
  /** The account's own address, or its user name where that is none. */
  address: string;
  host: string;
  /** Folders the member keeps out, each as the array of its names. */
  excludedFolders: string[][];
}

/** What a folder is called; sealed as `folders.name`. */
export interface FolderName {
  path: string[];
  /** The provider's own name of it. */
  ref: string;
}
