"""Words that exclude one another, and names of products: what makes two alike questions different ones."""

from __future__ import annotations

from functools import lru_cache

from slipstream.retrieval.analysis import term_of

EXCLUSIVE = """
on enable enabled activate activated / off disable disabled deactivate deactivated
allow permit whitelist / block deny forbid prevent ban blacklist disallow
increase raise grow scale-up / decrease reduce lower shrink scale-down
add insert append / remove delete erase / replace swap
create make / delete destroy remove / read / update edit
open / close / reopen
start begin launch boot / stop end halt finish quit terminate / restart reboot / pause / resume
upload / download
import / export
install / uninstall / upgrade / downgrade / reinstall
subscribe / unsubscribe
lock / unlock
show display reveal unhide / hide conceal
mute / unmute
follow / unfollow
archive / unarchive
encrypt encryption / decrypt decryption
encode / decode
compress zip / decompress unzip extract
connect / disconnect / reconnect
attach / detach
mount / unmount
link / unlink
share / unshare
pin / unpin
accept approve / reject decline refuse deny
include / exclude / ignore
keep retain preserve / discard drop remove ignore
merge join combine / split separate divide
expand / collapse
zoom-in / zoom-out
push / pull / fetch
send sending / receive receiving received
buy purchase / sell / rent
borrow / lend
win / lose
log-in login signin sign-in sign-into / log-out logout signout sign-out / signup sign-up register
deposit / withdraw
hire / fire
arrive arrival / depart departure leave
enter entry / exit
save / discard / load
copy / move / cut / paste
undo / redo
before prior preceding / after following / during
until till / since
first / last final / second / third / fourth / fifth / sixth / seventh / eighth / ninth / tenth
initial / final
next upcoming / previous last / current
earlier / later
early / late
earliest oldest / latest newest
old older / new newer
past / future / present
yesterday / today / tomorrow
morning / afternoon / evening / night
am / pm
noon midday / midnight
monday / tuesday / wednesday / thursday / friday / saturday / sunday
january jan / february feb / march / april apr / may / june jun / july jul / august aug / september sep sept / october oct / november nov / december dec
spring / summer / autumn fall / winter
hourly / daily / weekly / monthly / quarterly / yearly annually annual
weekday weekdays / weekend weekends
minimum min least fewest smallest lowest / maximum max most largest biggest greatest highest / average mean median
minimise minimize / maximise maximize
more greater / less fewer
many much / few little
larger bigger / smaller
large big huge / small tiny little / medium
long longer longest / short shorter shortest
tall taller tallest / short shorter shortest
high higher / low lower
fast faster fastest quick quicker / slow slower slowest
cheap cheaper cheapest / expensive dearer costlier
best / worst
better / worse
good / bad
hot hotter / cold colder / warm warmer / cool cooler
heavy heavier / light lighter
strong stronger / weak weaker
rich richer / poor poorer
near nearer nearest close closer closest / far farther farthest
above over / below under beneath
inside within / outside beyond
top / bottom
front / back
left / right
up upward upwards / down downward downwards
north northern / south southern / east eastern / west western
horizontal horizontally / vertical vertically
ascending / descending
row rows / column columns
width / height / depth
internal / external
inbound incoming ingress / outbound outgoing egress
input / output
upstream / downstream
client / server
source / destination target
sender / recipient receiver
buyer / seller
employer / employee
parent / child
mother / father
male / female
man / woman
boy / girl
brother / sister
husband / wife
son / daughter
king / queen
public / private
local / remote
online / offline
free / paid
manual manually / automatic automatically
synchronous synchronously sync / asynchronous asynchronously async
static / dynamic
temporary temporarily / permanent permanently
optional / required mandatory
legal / illegal
safe / unsafe / dangerous
true / false
positive / negative
primary / secondary / tertiary
major / minor / patch
single / double / triple / multiple
same / different
equal / unequal
odd / even
full / empty
always / never / sometimes / rarely / usually
all every each / some several / no none / half / both / most
for / against
everyone everybody / someone somebody / nobody
everything / something / nothing
everywhere / somewhere / nowhere
once / twice / thrice
at-least / at-most
exactly / approximately about
with / without
succeed success successful / fail failure failed unsuccessful
cause causes / effect effects
advantage advantages benefit benefits pros / disadvantage disadvantages drawback drawbacks cons
win / lose
profit / loss
gain / lose
supply / demand
read reads / write writes
reader / writer
test testing staging / production prod / development dev
debug / release
beta alpha / stable
root admin administrator / user / guest
who whom / when / where / why / how-many / how-much / how-long / how-often / how-far / how-old
byte bytes / kb kib kilobyte kilobytes / mb mib megabyte megabytes / gb gib gigabyte gigabytes / tb tib terabyte terabytes / pb petabyte petabytes
millisecond milliseconds ms / second seconds sec secs s / minute minutes mins / hour hours hr hrs / day days / week weeks / month months / year years / decade decades / century centuries
millimetre millimetres millimeter millimeters mm / centimetre centimetres centimeter centimeters cm / metre metres meter meters / kilometre kilometres kilometer kilometers km / mile miles / inch inches / foot feet / yard yards
gram grams / kilogram kilograms kilo kilos kg / pound pounds lb lbs / ounce ounces oz / ton tons tonne tonnes
litre litres liter liters / millilitre millilitres milliliter milliliters ml / gallon gallons / pint pints
celsius centigrade / fahrenheit / kelvin
dollar dollars usd / euro euros eur / yen jpy / franc francs chf / rupee rupees inr / yuan cny
hundred hundreds / thousand thousands / million millions / billion billions / trillion trillions
watt watts / kilowatt kilowatts kw / megawatt megawatts mw
volt volts / ampere amperes amp amps
hertz hz / kilohertz khz / megahertz mhz / gigahertz ghz
mbps / gbps / kbps
percent percentage / degrees
http / https
tcp / udp
ipv4 / ipv6
get / post / put / patch
json / xml / yaml / csv / parquet
pdf / docx word / xlsx excel / pptx powerpoint
jpg jpeg / png / gif / svg / webp / tiff
mp3 / mp4 / wav / flac / avi
"""  # noqa: E501 - a group is a line
"""One group a line: poles parted by ``/``, words of one pole by blanks; two words joined by ``-`` stand together."""

PRODUCTS = """
aws amazon / azure / gcp / heroku / digitalocean / cloudflare / netlify / vercel
s3 / ec2 / lambda / fargate / ecs / eks / rds / aurora / redshift / athena / glue / kinesis / sqs / sns / eventbridge
dynamodb / bedrock / sagemaker / cloudfront / cloudwatch / cloudtrail / cloudformation / cdk / route53 / iam / kms
elasticache / opensearch / elasticsearch / solr / msk / kafka / rabbitmq / lightsail / amplify / cognito / appsync
stepfunctions / beanstalk / efs / ebs / fsx / glacier / snowflake / databricks / bigquery
postgres postgresql / mysql / mariadb / sqlite / oracle / mssql / mongodb mongo / cassandra / redis / memcached / neo4j
windows / macos mac osx / linux / ubuntu / debian / fedora / centos / redhat rhel / android / ios / chromeos
chrome / firefox / safari / opera / brave
facebook fb / twitter / instagram / whatsapp / telegram / tiktok / snapchat / linkedin / reddit / quora / tumblr / pinterest / mastodon
youtube yt / vimeo / twitch / netflix / hulu / spotify / soundcloud / deezer
gmail / outlook / hotmail / yahoo / thunderbird / protonmail
dropbox / onedrive / icloud / gdrive
slack / discord / zoom / skype / webex / hangouts
github / gitlab / bitbucket / svn subversion / mercurial
jira / trello / asana / basecamp / notion / evernote / confluence / onenote
wordpress / drupal / joomla / blogger / medium / shopify / magento / squarespace / wix
python / javascript js / typescript ts / java / kotlin / scala / ruby / php / perl / golang / rust / swift / haskell / csharp / fortran
react / angular / vue / svelte / django / flask / fastapi / rails / laravel
docker / podman / kubernetes k8s / openshift / nomad
terraform / pulumi / ansible / puppet / chef
jenkins / circleci / travis
numpy / pandas / polars / pytorch / tensorflow / keras / jax
claude / gpt chatgpt / gemini / llama / mistral / titan / deepseek / qwen / cohere
paypal / stripe / venmo / visa / mastercard / amex
uber / lyft / airbnb
iphone / ipad / macbook / pixel / galaxy / kindle / playstation / xbox
nginx / apache / caddy / iis
npm / yarn / pnpm / pip / conda / poetry / maven / gradle
excel / powerpoint / photoshop / illustrator / figma
bing / duckduckgo
bitcoin / ethereum / litecoin
"""  # noqa: E501 - a group is a line
"""Names that other names of their line exclude. A product is a name however it is written."""


@lru_cache(maxsize=1)
def exclusive() -> dict[str, frozenset[tuple[int, int]]]:
    """Stem → the (group, pole) places that it stands for."""
    return _poles(EXCLUSIVE)


@lru_cache(maxsize=1)
def products() -> dict[str, int]:
    """Lower-case name → which product it is; names of one product share the number."""
    poles = (pole.split() for line in PRODUCTS.strip().splitlines() for pole in line.split("/"))
    return {name: number for number, names in enumerate(poles) for name in names}


@lru_cache(maxsize=1)
def joined() -> frozenset[tuple[str, str]]:
    """Pairs of words that mean something together: log in, how many."""
    return frozenset(
        (first, second) for word in EXCLUSIVE.split() if "-" in word for first, _, second in (word.partition("-"),)
    )


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, parted by blanks."""
    return frozenset(text.split())


def stem(word: str) -> str:
    """The index's own stem; a stop word stays as it is."""
    return term_of(word) or word


def _poles(text: str) -> dict[str, frozenset[tuple[int, int]]]:
    found: dict[str, set[tuple[int, int]]] = {}
    for group, line in enumerate(text.strip().splitlines()):
        for pole, names in enumerate(line.split("/")):
            for name in names.split():
                found.setdefault(stem(name), set()).add((group, pole))
    return {name: frozenset(places) for name, places in found.items()}
