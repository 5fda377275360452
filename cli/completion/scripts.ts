/** What a shell is to load, so that it asks `berth __complete` what may be typed. */
export const completionScripts = {
  bash: `# Completion of berth for bash. Load it with: source <(berth completion bash)
_berth() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() files=() typed piece value
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  typed=\${words[\${#words[@]}-1]}
  # bash breaks words at : and = as well, and wants only what comes after.
  piece=\${COMP_WORDS[COMP_CWORD]}
  [[ $piece == [:=]* && $typed == *"$piece" ]] && piece=\${piece#[:=]}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    if [[ $value == :files ]]; then
      while IFS= read -r value; do files+=("$value"); done < <(compgen -f -- "$piece")
    elif [[ $value == "$typed"* ]]; then
      [[ $value == *[:=] ]] && compopt -o nospace 2>/dev/null
      COMPREPLY+=("\${value#"\${typed%"$piece"}"}")
    fi
  done < <(berth __complete -- "\${words[@]:1}" 2>/dev/null)
  # It would quote what is no file as well.
  ((\${#COMPREPLY[@]})) || compopt -o filenames 2>/dev/null
  COMPREPLY+=("\${files[@]}")
}
complete -F _berth berth
`,
  zsh: `#compdef berth
# Completion of berth for zsh. Load it with: source <(berth completion zsh)
_berth() {
  local line value
  local -a values open
  while IFS= read -r line; do
    value=\${line%%$'\\t'*}
    if [[ $value == :files ]]; then
      _files
    elif [[ $value == *[:=] ]]; then
      open+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    else
      values+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done < <(berth __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#values} )) && _describe -t berth berth values
  (( \${#open} )) && _describe -t berth berth open -S ''
  return 0
}
if [[ \${funcstack[1]} == _berth ]]; then _berth "$@"; else compdef _berth berth; fi
`,
  fish: `# Completion of berth for fish. Load it with: berth completion fish | source
function __berth_complete
    set -l words (commandline -opc)
    set -e words[1]
    for line in (berth __complete -- $words (commandline -ct) 2>/dev/null)
        if string match -q ':files*' -- $line
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c berth -e
complete -c berth -f -a '(__berth_complete)'
`,
} as const;

export type Shell = keyof typeof completionScripts;
export const shells = Object.keys(completionScripts) as readonly Shell[];
