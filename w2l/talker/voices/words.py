"""Everyday words for the talker's voices from outside to say."""

from __future__ import annotations

# By espeak-ng's name for the language. Another word changes the clips of the corpus.
WORDS: dict[str, tuple[str, ...]] = {
    language: tuple(words.split())
    for language, words in {
        "en-us": """morning water people mother father bread apple window summer paper purple button above below
            village moving before problem number simple happy open family remember music market maybe both boat plan
            bring warm bottle measure thought five river beach coffee umbrella chair job young voice house away
            because nothing evening about perhaps bus map lamp room home ship swim jump very far long good blue""",
        "en": """garden lovely weather brother thumb important butter quarter past half after dance path bath
            castle another afternoon holiday bicycle museum journey vegetable kitchen proper biscuit shop public
            often rather farmer birthday model beautiful problem robin thimble wave rabbit follow whole bread and""",
        "de": """Morgen Wasser Mutter Vater Brot Apfel Fenster Sommer Papier Blume Baum immer Abend kommen bleiben
            Problem Nummer einfach offen Familie Musik Markt vielleicht beide Boot bringen warm Flasche Gedanke
            fünf Fluss Strand Kaffee Schirm Stuhl jung Stimme Haus Pferd Kopf über möchte schön zwei Straße Bild""",
        "fr": """matin eau maman papa pain pomme fenêtre printemps papier fleur arbre toujours soir beaucoup rester
            problème numéro simple ouvert famille musique marché peut-être bateau apporter chaud bouteille pensée
            rivière plage café parapluie chaise jeune voix maison cheval bonjour bonne peur lune pont champ vin""",
        "es": """mañana agua madre padre pan manzana ventana verano papel flor árbol siempre noche hombre quedar
            problema número simple abierto familia música mercado quizás ambos barco llevar botella pensar río
            playa café paraguas silla joven voz casa caballo bueno amigo pueblo muy poco también vamos bonito""",
        "it": """mattina acqua mamma babbo pane mela finestra estate carta fiore albero sempre sera bambino restare
            problema numero semplice aperto famiglia musica mercato forse barca portare caldo bottiglia pensiero
            fiume spiaggia caffè ombrello sedia giovane voce casa cavallo buono amico paese molto poco andiamo""",
        "pt-br": """manhã água mãe pai pão maçã janela verão papel flor árvore sempre noite homem ficar problema
            número simples aberto família música mercado talvez ambos barco levar garrafa pensar rio praia café
            cadeira jovem voz casa cavalo bom amigo povo muito pouco também vamos bonito campo""",
        "nl": """morgen water moeder vader brood appel raam zomer papier bloem boom altijd avond komen blijven
            probleem nummer open familie muziek markt misschien boot brengen warm fles gedachte vijf rivier strand
            koffie paraplu stoel jong stem huis paard goed vriend dorp klein mooi buiten""",
        "pl": """rano woda mama tata chleb jabłko okno lato papier kwiat drzewo zawsze wieczór człowiek problem
            numer prosty otwarty rodzina muzyka rynek może oba statek ciepły butelka myśl pięć rzeka plaża kawa
            parasol młody głos dom koń dobry przyjaciel mały bardzo piękny""",
        "sv": """morgon vatten mamma pappa bröd äpple fönster sommar papper blomma alltid kväll komma problem
            nummer enkel öppen familj musik marknad kanske båda båt bringa varm flaska tanke fem flod strand kaffe
            paraply stol ung röst hus häst vän by mycket vacker""",
        "fi": """aamu vesi äiti isä leipä omena ikkuna kesä paperi kukka puu aina ilta ihminen numero avoin perhe
            musiikki tori ehkä molemmat vene lämmin pullo ajatus viisi joki ranta kahvi tuoli nuori ääni koti hevonen
            hyvä ystävä kylä paljon kaunis""",
        "tr": """sabah su anne baba ekmek elma pencere yaz kitap çiçek her zaman akşam insan problem numara basit
            açık aile müzik pazar belki gemi sıcak şişe düşünce beş nehir plaj kahve şemsiye genç ses ev güzel
            arkadaş köy çok büyük mavi""",
        "id": """pagi air ibu bapak roti apel jendela kertas bunga pohon selalu malam orang masalah nomor buka
            keluarga musik pasar mungkin perahu bawa hangat botol pikir lima sungai pantai kopi payung kursi muda
            suara rumah kuda baik teman desa banyak""",
        "ru": """утро вода мама папа хлеб яблоко окно лето бумага цветок всегда вечер человек проблема номер
            простой семья музыка рынок может оба лодка тёплый бутылка мысль пять река пляж кофе зонт молодой голос
            дом лошадь хороший друг большой очень""",
        "cmn-latn-pinyin": """zao3shang4 shui3 ma1ma5 ba4ba5 mian4bao1 ping2guo3 chuang1hu5 xia4tian1 zhi3 hua1
            shu4 wan3shang5 peng2you5 wen4ti2 hao4ma3 jian3dan1 da3kai1 jia1 yin1yue4 shi4chang3 ke3neng2 chuan2
            nuan3huo5 ping2zi5 wu3 he2 hai3bian1 ka1fei1 yu3san3 yi3zi5 nian2qing1 sheng1yin1 fang2zi5 ma3 hao3
            xiao3 da4 bu4 wo3men5 piao4liang5 fei1chang2 dian4hua4 bei1zi5 tu2shu1guan3""",
    }.items()
}

# For Flite: more of English, and commands (verb, colour, preposition, letter, digit, adverb).
_MORE = """
    I you he she we they it me him them my your his her our their this that these those what who when where why how the
    a and or but if so as than then in on at by to from with for of up down out over off into through between is are
    was were be been have has had do does did will would can could should may might must say said tell told ask
    think know want need like love make made take took give gave come came go went see saw look find found keep put
    let leave feel felt work play read write speak talk hear call show help start stop turn move live believe buy
    pay man woman child boy girl friend world country city town street school door floor wall table book page story
    word question answer idea part place point week month year today tomorrow yesterday night hour minute time life
    hand face head eye mouth foot body heart mind food meat fish fruit sugar milk tea cup plate knife fire earth air
    wind rain snow sun star sky field farm horse dog cat bird money price shop store office phone computer picture
    film song game team ball car road train plane trip weather change reason power member big small little great new
    old first last next early late right left high low hot cold hard soft fast slow strong weak full empty clean
    dark light easy free ready sure real true wrong nice pretty short deep wide not never always often sometimes
    also again just only still even now here there well really almost already soon one two three four six seven
    eight nine ten twelve twenty hundred thousand Monday Tuesday Friday Sunday January March June August September
"""
ENGLISH: tuple[str, ...] = (*WORDS["en-us"], *_MORE.split())
COMMAND: tuple[tuple[str, ...], ...] = tuple(
    tuple(words.split())
    for words in (
        "bin lay place set",
        "blue green red white",
        "at by in with",
        "A B C D E F G H I J K L M N O P Q R S T U V X Y Z",
        "zero one two three four five six seven eight nine",
        "again now please soon",
    )
)
