import { useState } from "react";
import { Dialog } from "./Dialog";
import { question, type Question } from "./questions";
import { useStore } from "./store";

export function Questions() {
  const asked = useStore(question, (state) => state);
  return asked ? <Ask key={asked.title} asked={asked} /> : null;
}

function Ask({ asked }: { asked: Question }) {
  const [value, setValue] = useState(asked.value ?? "");
  const empty = asked.value !== undefined && !value.trim();
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(undefined, value)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!empty) asked.answer(asked.choices.at(-1)?.id, value);
        }}
      >
        {asked.text && <p className="ask-text">{asked.text}</p>}
        {asked.value !== undefined && (
          <input
            className="field"
            aria-label={asked.title}
            value={value}
            onFocus={(event) => event.target.select()}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
        <div className="ask-choices">
          {asked.choices.map((choice, i) => (
            <button
              key={choice.id}
              type={i === asked.choices.length - 1 ? "submit" : "button"}
              className={`button ${choice.kind ?? ""}`}
              disabled={empty}
              onClick={i === asked.choices.length - 1 ? undefined : () => asked.answer(choice.id, value)}
            >
              {choice.label}
            </button>
          ))}
        </div>
      </form>
    </Dialog>
  );
}
