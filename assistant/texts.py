"""Everything the app says, in French and English. Templates of ``str.format``; keys are the same in both."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal

Language = Literal["fr", "en"]

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "model": "Model",
        "model_offline": "Offline (no model)",
        "temperature": "Temperature",
        "temperature_help": "Low: precise and repeatable. High: varied and surprising.",
        "system_prompt": "System prompt",
        "system_prompt_help": "What the model should know or keep to, in this conversation only.",
        "answer_language": "Language of the answers",
        "answer_language_auto": "That of the question",
        "memory": "Remember this conversation",
        "memory_help": "Off: each question is answered without what came before it. Nothing is deleted.",
        "recent": "Recent messages",
        "recent_help": "How many earlier messages the model is shown. 0: all that fit.",
        "max_tokens": "Longest answer (tokens)",
        "max_tokens_help": "A token is about three quarters of a word. 0: the model's own bound.",
        "settings_refused": "{field}: this value cannot be used; the previous one is kept.",
        "without_model": "**Answered without a model:** {why}",
        "broke_off": "**The answer broke off here:** {why}",
        "no_key": "no key is configured. One line connects {model}, then start again:\n\n"
        "```sh\nexport GEMINI_API_KEY=your-key\n```",
        "offline": "the settings of this conversation ask for that.",
        "quota": "the quota of {model} is used up.",
        "quota_minute": "{model} has had as many requests this minute as its quota allows.",
        "quota_day": "today's quota of {model} is used up.",
        "unavailable": "{model} cannot be reached right now.",
        "silent": "{model} did not answer in time.",
        "empty": "{model} sent an empty answer.",
        "key": "the key for {model} is not accepted. Whoever runs this app can correct it.",
        "unknown_model": "the provider knows no model named {model}. "
        "Choose another one in the settings of this conversation.",
        "too_long": "this message is larger than what {model} can read at once. Shorten it, or send it in parts.",
        "refused": "{model} refused the request.",
        "blocked": "the safety filter of {model} stepped in. Wording the question differently may help.",
        "back": "It should be back {when}.",
        "now": "now",
        "stands_in": "{model} answers: the quota of {chosen} is used up.",
        "try_again": "Try again",
        "retry_help": "Answer again",
        "no_other": "No other answer: {why} The one before is kept.",
        "found": "Your earlier conversations have something on this:",
        "found_files": "Your files have something on this:",
        "in_thread": "in {thread}",
        "found_nothing": "Your earlier conversations have nothing on this yet.",
        "untitled": "Untitled conversation",
        "quote": "“{text}”",
        "not_editable": "This message can no longer be edited here. Reload the page.",
        "interrupted": "This answer was interrupted. What had been written is kept.",
        "continue": "Continue",
        "retry": "Retry",
        "go_on": "Continue exactly where your answer stopped. Repeat nothing of it.",
        "store_degraded": "Kept safely, not yet stored: the database is not answering. You can go on.",
        "store_recovered": "Everything is stored again.",
        "store_lost": "This message is not saved: neither the database nor its safety copy can be written.",
        "store_rejected": "One of your messages could not be stored. It is kept aside for your administrator.",
        "deleted": "This conversation has been deleted, in another window perhaps: what you write here is not kept. "
        "Your next message belongs in a new conversation.",
        "command_sessions": "The conversations that are held ready for you",
        "command_threads": "Your recent conversations",
        "command_search": "Conversations in which some words occur",
        "command_info": "This conversation: size, cost, settings, what the model sees",
        "command_usage": "Tokens and cost: this conversation, today, 30 days",
        "command_rename": "Give this conversation a name",
        "command_clear": "Go on without what came before; nothing is deleted",
        "command_summary": "What this conversation is about, in short",
        "command_help": "What can be typed here",
        "unknown_command": "There is no command `/{name}`. Did you mean `/{nearest}`? `/help` shows them all.",
        "invalid": "That is not possible: {why}.",
        "command_failed": "The database is not answering: this command has to wait. You can go on chatting.",
        "sessions_title": "📊 Active sessions ({backend})",
        "backend_embedded": "embedded backend",
        "backend_redis": "Redis backend",
        "sessions_limit": "Limit: {count} at the same time",
        "sessions_limit_one": "Limit: {count} at a time",
        "sessions_ttl": "TTL: {time}",
        "sessions_current": "✅ Current",
        "sessions_id": "- ID: {id}...",
        "sessions_messages": "- Messages: {count}",
        "sessions_expires": "- Expires in: {time}",
        "threads_title": "Your recent conversations",
        "threads_none": "There is no other conversation yet.",
        "search_title": "Conversations with “{words}”",
        "search_none": "No other conversation has “{words}”.",
        "search_how": "What are you looking for? Type `/search` and some words.",
        "messages": "messages: {count}",
        "rename_how": "What shall it be called? Type `/rename` and the name.",
        "rename_long": "A name has at most {most} characters. This one is longer: nothing was changed.",
        "renamed": "This conversation is now called “{name}”.",
        "cleared": "From here on, the model no longer sees what came before. It all stays in this conversation.",
        "summary_title": "Summary ({by})",
        "summary_by_nobody": "without a model",
        "summary_you": "You",
        "summary_none": "There is nothing to sum up yet.",
        "help_title": "**What can be typed here**",
        "help_words": "“history”, “my chats” and “sessions” also do without the slash.",
        "info_id": "ID:",
        "info_created": "Created:",
        "info_messages": "Messages:",
        "info_tokens": "Tokens:",
        "info_tokens_value": "{read} in, {written} out",
        "info_cost": "Cost:",
        "info_files": "Files:",
        "info_files_value": "{count} ({size})",
        "info_size": "Size:",
        "info_settings": "Settings:",
        "info_prompt": "system prompt of {count} characters",
        "info_context": "What the model sees:",
        "info_context_value": "messages in full: {count}",
        "info_context_summary": "and a summary of those before (messages: {count})",
        "info_context_room": "({used} of {window} tokens)",
        "info_context_off": "only the question (memory is off)",
        "info_context_offline": "nothing: no model answers here",
        "money": "US${amount}",
        "money_less": "< US${amount}",
        "money_least": "≥ {money}",
        "usage_head": "| | Model | Questions | Tokens in | of which cached | Tokens out | Cost |",
        "usage_thread": "This conversation",
        "usage_today": "Today",
        "usage_month": "Last 30 days",
        "usage_total": "Total",
        "usage_none": "No model has answered in the last 30 days.",
        "usage_notes": "In the last 30 days:",
        "usage_unpriced": "Calls without a known price, not in the costs: {count}",
        "usage_estimated": "Calls with estimated tokens: {count}",
        "usage_fallbacks": "Answers without a model: {count} of {turns}",
        "usage_failed": "Failures: {count}",
        "usage_prices": "Costs are list prices of {date}; a free quota is not taken off.",
        "usage_chart": "Tokens a day",
        "usage_hover": "{day}<br>{model}: {tokens} tokens<br>{money}",
        "usage_hover_unpriced": "price unknown",
    },
    "fr": {
        "model": "Modèle",
        "model_offline": "Hors ligne (sans modèle)",
        "temperature": "Température",
        "temperature_help": "Basse : précis et constant. Haute : varié et inattendu.",
        "system_prompt": "Consigne",
        "system_prompt_help": "Ce que le modèle doit savoir ou respecter, dans cette conversation seulement.",
        "answer_language": "Langue des réponses",
        "answer_language_auto": "Celle de la question",
        "memory": "Se souvenir de cette conversation",
        "memory_help": "Désactivé : chaque question reçoit une réponse sans tenir compte de ce qui précède. "
        "Rien n’est supprimé.",
        "recent": "Messages récents",
        "recent_help": "Nombre de messages précédents montrés au modèle. 0 : tous ceux qui tiennent.",
        "max_tokens": "Longueur maximale des réponses (jetons)",
        "max_tokens_help": "Un jeton vaut environ trois quarts d’un mot. 0 : la limite du modèle.",
        "settings_refused": "{field} : cette valeur n’est pas utilisable ; la précédente est conservée.",
        "without_model": "**Réponse sans modèle :** {why}",
        "broke_off": "**La réponse s’est interrompue ici :** {why}",
        "no_key": "aucune clé n’est configurée. Une ligne suffit pour connecter {model}, "
        "puis relancez :\n\n```sh\nexport GEMINI_API_KEY=votre-clé\n```",
        "offline": "les réglages de cette conversation le demandent.",
        "quota": "le quota de {model} est épuisé.",
        "quota_minute": "{model} a déjà reçu autant de demandes cette minute que son quota en permet.",
        "quota_day": "le quota de {model} est épuisé pour aujourd’hui.",
        "unavailable": "{model} est injoignable pour le moment.",
        "silent": "{model} n’a pas répondu à temps.",
        "empty": "{model} a envoyé une réponse vide.",
        "key": "la clé de {model} n’est pas acceptée. La personne qui gère cette application peut la corriger.",
        "unknown_model": "le fournisseur ne connaît aucun modèle nommé {model}. "
        "Choisissez-en un autre dans les réglages de cette conversation.",
        "too_long": "ce message dépasse ce que {model} peut lire en une fois. "
        "Raccourcissez-le ou envoyez-le en plusieurs parties.",
        "refused": "{model} a refusé la demande.",
        "blocked": "le filtre de sécurité de {model} est intervenu. Essayez de formuler la question autrement.",
        "back": "Il devrait être de retour {when}.",
        "now": "maintenant",
        "stands_in": "{model} répond : le quota de {chosen} est épuisé.",
        "try_again": "Réessayer",
        "retry_help": "Répondre à nouveau",
        "no_other": "Pas de nouvelle réponse : {why} La précédente est conservée.",
        "found": "Vos conversations précédentes en parlent :",
        "found_files": "Vos fichiers en parlent :",
        "in_thread": "dans {thread}",
        "found_nothing": "Vos conversations précédentes n’en parlent pas encore.",
        "untitled": "Conversation sans titre",
        "quote": "« {text} »",
        "not_editable": "Ce message n’est plus modifiable ici. Rechargez la page.",
        "interrupted": "Cette réponse a été interrompue. Ce qui était écrit est conservé.",
        "continue": "Continuer",
        "retry": "Recommencer",
        "go_on": "Continue exactement là où ta réponse s’est arrêtée. N’en répète rien.",
        "store_degraded": "Conservé en lieu sûr, pas encore enregistré : la base de données ne répond pas. "
        "Vous pouvez continuer.",
        "store_recovered": "Tout est de nouveau enregistré.",
        "store_lost": "Ce message n’est pas enregistré : ni la base de données ni sa copie de secours ne sont "
        "accessibles en écriture.",
        "store_rejected": "L’un de vos messages n’a pas pu être enregistré : il est mis de côté pour l’administrateur.",
        "deleted": "Cette conversation a été supprimée, peut-être dans une autre fenêtre : ce que vous écrivez ici "
        "n’est pas conservé. Ouvrez une nouvelle conversation pour votre prochain message.",
        "command_sessions": "Les conversations gardées à portée de main",
        "command_threads": "Vos conversations récentes",
        "command_search": "Les conversations où figurent certains mots",
        "command_info": "Cette conversation : taille, coût, réglages, ce que voit le modèle",
        "command_usage": "Jetons et coût : cette conversation, aujourd’hui, 30 jours",
        "command_rename": "Donner un nom à cette conversation",
        "command_clear": "Continuer sans ce qui précède ; rien n’est supprimé",
        "command_summary": "L’essentiel de cette conversation",
        "command_help": "Ce que l’on peut taper ici",
        "unknown_command": "La commande `/{name}` n’existe pas. Vouliez-vous dire `/{nearest}` ? "
        "`/aide` les montre toutes.",
        "invalid": "Ce n’est pas possible : {why}.",
        "command_failed": "La base de données ne répond pas : cette commande doit attendre. "
        "Vous pouvez continuer à discuter.",
        "sessions_title": "📊 Sessions actives ({backend})",
        "backend_embedded": "Backend embarqué",
        "backend_redis": "Backend Redis",
        "sessions_limit": "Limite : {count} sessions simultanées",
        "sessions_limit_one": "Limite : {count} session à la fois",
        "sessions_ttl": "TTL : {time}",
        "sessions_current": "✅ Actuelle",
        "sessions_id": "- ID : {id}...",
        "sessions_messages": "- Messages : {count}",
        "sessions_expires": "- Expire dans : {time}",
        "threads_title": "Vos conversations récentes",
        "threads_none": "Il n’y a pas encore d’autre conversation.",
        "search_title": "Conversations avec « {words} »",
        "search_none": "Aucune autre conversation ne contient « {words} ».",
        "search_how": "Que cherchez-vous ? Tapez `/chercher` suivi de quelques mots.",
        "messages": "messages : {count}",
        "rename_how": "Quel nom lui donner ? Tapez `/renommer` suivi du nom.",
        "rename_long": "Un nom compte au plus {most} caractères. Celui-ci est plus long : rien n’a changé.",
        "renamed": "Cette conversation s’appelle maintenant « {name} ».",
        "cleared": "À partir d’ici, le modèle ne voit plus ce qui précède. Tout reste dans cette conversation.",
        "summary_title": "Résumé ({by})",
        "summary_by_nobody": "sans modèle",
        "summary_you": "Vous",
        "summary_none": "Il n’y a encore rien à résumer.",
        "help_title": "**Ce que l’on peut taper ici**",
        "help_words": "« historique », « mes discussions » et « sessions » se passent de la barre oblique.",
        "info_id": "ID :",
        "info_created": "Création :",
        "info_messages": "Messages :",
        "info_tokens": "Jetons :",
        "info_tokens_value": "{read} en entrée, {written} en sortie",
        "info_cost": "Coût :",
        "info_files": "Fichiers :",
        "info_files_value": "{count} ({size})",
        "info_size": "Taille :",
        "info_settings": "Réglages :",
        "info_prompt": "consigne de {count} caractères",
        "info_context": "Ce que voit le modèle :",
        "info_context_value": "messages en entier : {count}",
        "info_context_summary": "et un résumé de ceux d’avant (messages : {count})",
        "info_context_room": "({used} jetons sur {window})",
        "info_context_off": "la question seule (mémoire désactivée)",
        "info_context_offline": "rien : aucun modèle ne répond ici",
        "money": "{amount} $ US",
        "money_less": "< {amount} $ US",
        "money_least": "≥ {money}",
        "usage_head": "| | Modèle | Questions | Jetons en entrée | dont en cache | Jetons en sortie | Coût |",
        "usage_thread": "Cette conversation",
        "usage_today": "Aujourd’hui",
        "usage_month": "30 derniers jours",
        "usage_total": "Total",
        "usage_none": "Aucun modèle n’a répondu ces 30 derniers jours.",
        "usage_notes": "Ces 30 derniers jours :",
        "usage_unpriced": "Appels sans tarif connu, absents des coûts : {count}",
        "usage_estimated": "Appels aux jetons estimés : {count}",
        "usage_fallbacks": "Réponses sans modèle : {count} sur {turns}",
        "usage_failed": "Échecs : {count}",
        "usage_prices": "Les coûts suivent les tarifs publics du {date}, sans déduire de quota gratuit.",
        "usage_chart": "Jetons par jour",
        "usage_hover": "{day}<br>{model} : {tokens} jetons<br>{money}",
        "usage_hover_unpriced": "tarif inconnu",
    },
}


def language(tag: str | None) -> Language:
    """The language to speak to a browser that asks for ``tag`` (RFC 5646, such as fr-CA); English without one."""
    return "fr" if (tag or "").lower().split("-")[0] == "fr" else "en"


def say(key: str, to: Language, **values: object) -> str:
    return _TEXTS[to][key].format(**values)


def date(moment: datetime, to: Language) -> str:
    """``12 November 2026``, ``12 novembre 2026``."""
    return format_date(moment, "d MMMM y", locale=to)


def duration(seconds: float, to: Language) -> str:
    """When something ``seconds`` away happens: ``in 37 seconds``, ``dans 2 heures``, ``now``."""
    if seconds < 1:
        return say("now", to)
    return format_timedelta(timedelta(seconds=round(seconds)), add_direction=True, threshold=1.2, locale=to)


def minutes(seconds: float, to: Language, short: bool = True) -> str:
    """``58 min``, or ``60 minutes``; below one minute in seconds. Never more than there is."""
    unit = "minute" if seconds >= 60 else "second"
    length = timedelta(seconds=seconds // 60 * 60 if seconds >= 60 else int(seconds))
    form = "short" if short else "long"
    return format_timedelta(length, granularity=unit, threshold=1e9, format=form, locale=to)  # type: ignore[arg-type]


def number(value: float, to: Language) -> str:
    return format_decimal(value, locale=to)


def size(count: int, to: Language) -> str:
    """``1.2 MB``, ``1,2 Mo``: bytes in powers of 1,000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < 3:
        value, unit = value / 1000, unit + 1
    names = ("o", "ko", "Mo", "Go") if to == "fr" else ("bytes", "kB", "MB", "GB")
    return f"{format_decimal(value, '#,##0.#', locale=to)}\u00a0{names[unit]}"


_SMALLEST = Decimal("0.0001")


def money(nano_usd: int, to: Language, unpriced: int = 0) -> str:
    """Billionths of a US dollar, to the cent from one dollar on; below, hundredths of cents: most answers cost less
    than one. ``unpriced``: calls whose price is not known, so that it is more, or a dash."""
    amount = Decimal(nano_usd) / 10**9
    if unpriced:
        return say("money_least", to, money=money(nano_usd, to)) if amount >= _SMALLEST else "–"
    if 0 < amount < _SMALLEST:
        return say("money_less", to, amount=format_decimal(_SMALLEST, "0.0000", locale=to))
    digits = "#,##0.00" if amount >= 1 or not amount else "0.0000"
    return say("money", to, amount=format_decimal(amount, digits, locale=to))
