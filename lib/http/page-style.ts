export const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 0.3rem; }
details { border: 1px solid #8886; border-radius: 4px; margin: 0.3rem 0; }
summary { cursor: pointer; padding: 0.4rem 0.6rem; }
summary code { font-weight: 600; }
form { padding: 0 0.8rem 0.8rem; }
label { display: block; margin: 0.5rem 0; }
small { display: block; opacity: 0.75; }
input, textarea { box-sizing: border-box; font: 13px ui-monospace, monospace; padding: 0.3rem; width: 100%; }
textarea { min-height: 8rem; }
pre { background: #8882; max-height: 30rem; overflow: auto; padding: 0.6rem; white-space: pre-wrap; word-break: break-word; }
.description { white-space: pre-line; }
`;
