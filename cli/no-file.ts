/** Names a file that was asked for and is not there. `asked` is the flag or variable, and the path. */
export const noSuchFile = (asked: string): string =>
  `${asked}: there is no such file: name one that is there`;
